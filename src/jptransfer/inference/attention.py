"""Show what a task model attends to: what `jpt attention` does."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jptransfer.config import AttentionConfig
from jptransfer.errors import ConfigError
from jptransfer.files import is_stream, json_text
from jptransfer.inference.predict import OBJECTS, STANDARD, check_output, open_output, read_rows, say_cut, text_fields
from jptransfer.runtime import Runtime
from jptransfer.tasks.files import PAIR

if TYPE_CHECKING:
    from jptransfer.inference.attention_weights import Attended

PAGE = ".html"


def attention_file(config: AttentionConfig, folder: Path, runtime: Runtime) -> int:
    """Write what the task model in `folder` attends to in the first `config.limit` texts; return their number.

    JSON lines have the fields text (and text_pair), prediction, probability and pieces: start, end (character offsets),
    weight (mean over hops) and hops (the weight in each); pieces of a second text have `text_pair`: true.

    Raises:
        ConfigError: a model without attention weights, or an output that is neither a page nor JSON lines.
        DataError: an input that is missing, damaged, not UTF-8, or a line without a text.
    """
    from jptransfer.inference.attention_weights import attended
    from jptransfer.learners.prediction import load_predictor, reads_pairs

    suffix = Path(config.output).suffix
    if config.output != STANDARD and suffix not in (PAGE, *OBJECTS) and not is_stream(Path(config.output)):
        raise ConfigError(f"output: a page ({PAGE}) or weights (.jsonl) can be written, not '{config.output}'")
    check_output(config.output)
    rows = islice(read_rows(config.input, config.input_format, config.encoding, reads_pairs([folder])), config.limit)
    predictor = load_predictor(folder, runtime)
    examples = [predictor.task.example(str(place), row["text"], row.get(PAIR)) for place, row in enumerate(rows)]
    found = list(attended(predictor, examples, config.batch_size))
    say_cut(predictor)
    with open_output(config.output) as stream:
        stream.write(_page(found) if suffix == PAGE else "".join(map(_line, found)))
    return len(found)


def _line(one: Attended) -> str:
    rows = zip(one.pieces, one.second, one.overall, one.weights.T, strict=True)
    pieces = [{"start": start, "end": end, **({PAIR: True} if second else {}), "weight": float(weight),
               "hops": hops.tolist()} for (start, end), second, weight, hops in rows]
    prediction = one.prediction
    return json_text({**text_fields(prediction), "prediction": prediction.predicted,
                       "probability": max(prediction.probabilities), "pieces": pieces}) + "\n"


@dataclass(frozen=True)
class Run:
    """A run of characters and how strongly it is marked, from 0 to 1; None: no piece covers it."""

    text: str
    strength: float | None = None
    weight: float = 0.0


def runs(text: str, pieces: list[tuple[int, int]], weights: Any) -> Iterator[Run]:
    """Yield the whole text as runs; the strongest piece has strength 1, pieces of one character share its run."""
    done = 0
    shares: dict[tuple[int, int], float] = {}
    for span, weight in zip(pieces, weights, strict=True):
        shares[span] = shares.get(span, 0.0) + float(weight)
    top = max(shares.values(), default=0.0) or 1.0
    for (start, end), weight in sorted(shares.items()):
        start = max(start, done)
        if start > done:
            yield Run(text[done:start])
        if end > start:
            yield Run(text[start:end], weight / top, weight)
        done = max(done, end)
    if done < len(text):
        yield Run(text[done:])


def _marked(one: Attended, weights: Any) -> list[list[Run]]:
    """Return the runs of the text and of the second text, if there is one."""
    texts = [one.prediction.text, *filter(None, [one.prediction.text_pair])]
    pieces = list(zip(one.pieces, one.second, weights, strict=True))
    return [list(runs(text, [span for span, second, _ in pieces if second == (number == 1)],
                      [weight for _, second, weight in pieces if second == (number == 1)]))
            for number, text in enumerate(texts)]


def _page(found: list[Attended]) -> str:
    from jptransfer.report.page import environment

    texts = [{"prediction": one.prediction.predicted, "probability": max(one.prediction.probabilities),
              "overall": _marked(one, one.overall),
              "outside": 1.0 - float(one.overall.sum()),
              "hops": [_marked(one, hop) for hop in one.weights]} for one in found]
    return environment().get_template("attention.html.j2").render(texts=texts)
