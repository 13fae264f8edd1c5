"""Classify or tag a file of texts with a task model: what `jpt predict` does."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Any, TextIO

from jptransfer.config import PredictConfig
from jptransfer.corpora.intake import Intake, read_lines
from jptransfer.errors import ConfigError, DataError, unknown
from jptransfer.files import bare_suffix
from jptransfer.runtime import Runtime

STANDARD = "-"
INPUT_FORMATS = ("text", "jsonl")
FORMATS = ("tsv", "jsonl")
OBJECTS = (".jsonl", ".json")
"""Suffixes of files with an object a line."""
CHUNK_BATCHES = 32
"""Batches of texts held in memory together; they are sorted by length before they are cut into batches."""

_ESCAPES = {ord(character): escape for character, escape in zip("\\\t\n\r", (r"\\", r"\t", r"\n", r"\r"), strict=True)}

Row = dict[str, Any]


def predict_file(config: PredictConfig, folders: Sequence[Path], runtime: Runtime) -> int:
    """Predict every text of `config.input` with the task models in `folders` together; return the number of texts.

    The input is a text a line, or an object with the field `text` a line (`input_format`; by default of a file named
    ``.jsonl`` or ``.json``); both may be compressed. Every text gives one row, an empty one too. A file named as output
    appears when it is complete.

    TSV has a header; in texts a tab, line feed, carriage return and backslash are written as ``\\t \\n \\r \\\\``.
    Classification: columns text, prediction, probability and ``probability:<label>`` for each label. Entities: columns
    text and entities, these as ``start:end:score:type`` in character offsets, separated by spaces. JSONL has the same
    fields in full, beside the fields of a JSONL input.

    Raises:
        ConfigError: an unknown format.
        DataError: an input that is missing, damaged, not UTF-8, or a line without a text.
    """
    from jptransfer.training.prediction import load_ensemble

    layout = _format(config)
    rows = read_rows(config.input, config.input_format)
    predictor = load_ensemble(folders, runtime)
    task, written = predictor.task, 0
    header, line = _tsv(task) if layout == "tsv" else ("", _jsonl(task))
    with open_output(config.output) as stream:
        stream.write(header)
        while chunk := list(islice(rows, config.batch_size * CHUNK_BATCHES)):
            examples = [task.example(str(written + place), row["text"]) for place, row in enumerate(chunk)]
            predictions = predictor.predict(examples, config.batch_size)
            stream.writelines(line(row, prediction) for row, prediction in zip(chunk, predictions, strict=True))
            written += len(chunk)
    return written


def _format(config: PredictConfig) -> str:
    layout = config.format or ("jsonl" if Path(config.output).suffix in OBJECTS else "tsv")
    if layout not in FORMATS:
        raise ConfigError("format: " + unknown("output format", layout, FORMATS))
    return layout


def read_rows(source: str, layout: str) -> Iterator[Row]:
    """Yield the objects of a file or of standard input, each with the field `text`; an empty `layout` is found."""
    path = Path("/dev/stdin" if source == STANDARD else source)
    layout = layout or ("jsonl" if bare_suffix(path) in OBJECTS else "text")
    if layout not in INPUT_FORMATS:
        raise ConfigError("input_format: " + unknown("input format", layout, INPUT_FORMATS))
    lines = read_lines(path, "utf-8", _Strict())
    if layout == "text":
        return ({"text": line} for _, line in lines)
    return (_object(f"{path}:{number}", line) for number, line in lines if line.strip())


class _Strict(Intake):
    """Stops at anything unreadable; a file may be empty."""

    def trouble(self, kind: str, where: str, what: str) -> None:
        if kind != "empty":
            raise DataError(f"{where}: {what}")


def _object(where: str, line: str) -> Row:
    try:
        row = json.loads(line)
        if isinstance(row, dict) and isinstance(row.get("text"), str):
            row["text"].encode("utf-8")
            return row
    except ValueError as error:  # also half of a surrogate pair
        raise DataError(f"{where}: no valid JSON text ({error})") from None
    raise DataError(f"{where}: no JSON object with a field 'text' that holds a string")


@contextmanager
def open_output(name: str) -> Iterator[TextIO]:
    """Open standard output, or a file that takes its name only when all is written."""
    if name == STANDARD:
        yield sys.stdout
        return
    path = Path(name)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.partial")
    try:
        with temporary.open("w", encoding="utf-8", newline="") as stream:
            yield stream
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


Line = Callable[[Row, Any], str]


def _tsv(task: Any) -> tuple[str, Line]:
    """Return the header and the function that writes a row."""
    if task.kind == "ner":
        return "text\tentities\n", lambda row, found: f"{_escape(row['text'])}\t{_escape(_compact(found))}\n"
    columns = ["text", "prediction", "probability", *(f"probability:{label}" for label in task.labels)]

    def line(row: Row, found: Any) -> str:
        numbers = [max(found.probabilities), *found.probabilities]
        cells = [_escape(row["text"]), _escape(found.predicted), *(f"{number:.6f}" for number in numbers)]
        return "\t".join(cells) + "\n"

    return "\t".join(map(_escape, columns)) + "\n", line


def _compact(found: Any) -> str:
    pairs = zip(found.predicted, found.scores, strict=True)
    return " ".join(f"{start}:{end}:{score:.6f}:{kind}" for (start, end, kind), score in pairs)


def _jsonl(task: Any) -> Line:
    answer = _entities if task.kind == "ner" else _classes
    return lambda row, found: json.dumps({**row, **answer(task, found)}, ensure_ascii=False) + "\n"


def _classes(task: Any, found: Any) -> Row:
    return {"prediction": found.predicted, "probability": max(found.probabilities),
            "probabilities": dict(zip(task.labels, found.probabilities, strict=True))}


def _entities(task: Any, found: Any) -> Row:
    pairs = zip(found.predicted, found.scores, strict=True)
    return {"entities": [{"start": start, "end": end, "type": kind, "text": found.text[start:end], "score": score}
                         for (start, end, kind), score in pairs]}


def _escape(text: str) -> str:
    return text.translate(_ESCAPES)
