"""Colour texts by the value of one unit of an encoder: what `jpt heatmap` does (Radford et al. 2017, figure 4)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jptransfer.config import HeatmapConfig
from jptransfer.errors import ConfigError
from jptransfer.files import is_stream, json_text
from jptransfer.inference.predict import OBJECTS, STANDARD, check_output, open_output, read_rows, say_cut, text_fields
from jptransfer.runtime import Runtime
from jptransfer.tasks.files import PAIR

if TYPE_CHECKING:
    from jptransfer.inference.unit_values import UnitValues

PAGE, PICTURE = ".html", ".png"


def heatmap_file(config: HeatmapConfig, folder: Path, runtime: Runtime) -> tuple[int, int]:
    """Write the values of a unit in the first `config.limit` texts; return the number of texts and the unit.

    JSON lines have the fields text (and text_pair), prediction, unit and values: one for each character, that of the
    last token which covers it; null where no token does. High values speak for the second of two labels: the sign of
    the unit is turned where its weight is negative. Colours are those of the distance from zero, or from the threshold
    of a model of one unit.

    Raises:
        ConfigError: a model of another learner, a unit that there is not, or an output that cannot be written.
        DataError: an input that is missing, damaged, not UTF-8, or a line without a text.
    """
    from jptransfer.inference.unit_values import UnitReader
    from jptransfer.learners.prediction import load_predictor, reads_pairs

    suffix = Path(config.output).suffix
    if config.output != STANDARD and suffix not in (PAGE, PICTURE, *OBJECTS) and not is_stream(Path(config.output)):
        raise ConfigError(f"output: a page ({PAGE}), a picture ({PICTURE}) or values (.jsonl) can be written, not "
                          f"'{config.output}'")
    check_output(config.output)
    rows = islice(read_rows(config.input, config.input_format, config.encoding, reads_pairs([folder])), config.limit)
    predictor = load_predictor(folder, runtime)
    reader = UnitReader(predictor, config.unit)
    examples = [predictor.task.example(str(place), row["text"], row.get(PAIR)) for place, row in enumerate(rows)]
    found = [reader.read(example) for example in examples]
    say_cut(predictor)
    if suffix == PICTURE:
        Path(config.output).write_bytes(_picture(found, reader))
    else:
        with open_output(config.output) as stream:
            stream.write(_page(found, reader) if suffix == PAGE else "".join(_line(one, reader.unit) for one in found))
    return len(found), reader.unit


def _line(one: UnitValues, unit: int) -> str:
    prediction = one.prediction
    values = [[None if value != value else round(value, 6) for value in part] for part in one.values]
    pair = {f"values_{PAIR}": values[1]} if len(values) > 1 else {}
    return json_text({**text_fields(prediction), "prediction": prediction.predicted, "unit": unit, "values": values[0],
                      **pair}) + "\n"


@dataclass(frozen=True)
class Mark:
    """Characters of one value; `share`: of the largest distance from the centre, from -1 to 1; None: no value."""

    text: str
    share: float | None = None
    value: float = 0.0


def marks(text: str, values: Sequence[float], top: float, centre: float = 0.0) -> Iterator[Mark]:
    """Yield the text in runs of characters that have the same value; `top` is the largest distance from `centre`."""
    start = 0
    for place in range(1, len(text) + 1):
        if place < len(text) and (values[place] == values[start] or values[place] != values[place]
                                  and values[start] != values[start]):
            continue
        value = values[start]
        known = value == value
        yield Mark(text[start:place], (value - centre) / top if known else None, value if known else 0.0)
        start = place


def largest(found: Sequence[UnitValues], centre: float) -> float:
    """Return the largest distance from `centre` of all values, 1 if there is none."""
    return max((abs(value - centre) for one in found for part in one.values for value in part if value == value),
               default=0.0) or 1.0


def _page(found: Sequence[UnitValues], reader: Any) -> str:
    from jptransfer.report.page import environment

    top = largest(found, reader.centre)
    texts = [{"prediction": one.prediction.predicted,
              "parts": [list(marks(*part, top, reader.centre)) for part in zip(one.texts, one.values, strict=True)]}
             for one in found]
    return environment().get_template("heatmap.html.j2").render(texts=texts, title=reader.title, labels=reader.labels,
                                                                top=top, centre=reader.centre)


def _picture(found: Sequence[UnitValues], reader: Any) -> bytes:
    from jptransfer.report.characters import character_figure
    from jptransfer.report.drawing import render

    top = largest(found, reader.centre)
    texts = [[(character, (value - reader.centre) / top) for text, values in zip(one.texts, one.values, strict=True)
              for character, value in zip(text, values, strict=True)] for one in found]
    return render(character_figure(texts, reader.title), "png")
