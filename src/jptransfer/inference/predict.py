"""Predict every text of a file with a task model: what `jpt predict` does."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from jptransfer.config import OutputFormat, PredictConfig
from jptransfer.corpora.error_policy import ErrorPolicy, json_lines, locate, parse_json, read_lines
from jptransfer.errors import ConfigError, DataError, unknown
from jptransfer.files import bare_name, bare_suffix, check_new_file, check_new_folder, new_file, new_folder
from jptransfer.inference.prediction_writers import (
    BratWriter,
    ColumnWriter,
    JsonWriter,
    PredictionWriter,
    Row,
    TableWriter,
)
from jptransfer.runtime import Runtime
from jptransfer.tasks.abilities import MarksSpans
from jptransfer.tasks.base import Task
from jptransfer.tasks.files import PAIR

if TYPE_CHECKING:
    from jptransfer.learners.prediction import Predictor

STANDARD = "-"
TEXT, OBJECT = INPUT_FORMATS = ("text", "jsonl")
OBJECTS = (".jsonl", ".json")
"""Suffixes of files with an object a line."""
TABLES = (".csv", ".tsv")
"""Suffixes of files whose lines are not texts: they have a header, quotes and other columns."""
CHUNK_BATCHES = 32
"""Batches of texts held in memory together; they are sorted by length before they are cut into batches."""


def predict_file(config: PredictConfig, folders: Sequence[Path], runtime: Runtime) -> int:
    """Predict every text of `config.input` with the task models in `folders` together; return the number of texts.

    The input has a text per line, or an object with the field `text` (or a string) per line (`input_format`; by default
    of a file named ``.jsonl`` or ``.json``); both may be compressed. Every text gives one answer, an empty one too. For
    a model of pairs of texts a line is a text, a tab and the second text, an object has the field `text_pair` too.
    What is named as output appears when it is complete. `jptransfer.inference.prediction_writers` says what each
    format holds.

    Raises:
        ConfigError: a format that is unknown or not for this task, or an output folder that is not empty.
        DataError: an input that is missing, damaged, not UTF-8, or a line without as many texts as the model reads.
    """
    from jptransfer.learners.prediction import load_ensemble, reads_pairs

    paired = reads_pairs(folders)
    written, rows = 0, read_rows(config.input, config.input_format, config.encoding, paired)
    if config.format is OutputFormat.brat:
        if config.output == STANDARD:
            raise ConfigError("output: brat is files in a folder; name a new one, as in output=FOLDER")
        check_new_folder(Path(config.output), "output")
    else:
        check_output(config.output)
    predictor = load_ensemble(folders, runtime)
    task = predictor.task
    size, opened = config.batch_size * CHUNK_BATCHES, _answers(config, task, paired)
    chunk = list(islice(rows, size))  # before the header is written: an error in the input is all that is printed
    with opened as answers:
        while chunk:
            examples = [task.example(str(written + place), row["text"], row.get(PAIR))
                        for place, row in enumerate(chunk)]
            for row, prediction in zip(chunk, predictor.predict(examples, config.batch_size), strict=True):
                answers.add(row, prediction)
            written += len(chunk)
            chunk = list(islice(rows, size))
    say_cut(predictor)
    return written


def text_fields(prediction: Any) -> dict[str, str]:
    """Return the text of a prediction and, if there is one, the second text as fields of a JSON object."""
    return {"text": prediction.text} | ({PAIR: prediction.text_pair} if prediction.text_pair else {})


def say_cut(predictor: Predictor) -> None:
    """Say on standard error what length limits left out of the texts; nothing if they left nothing out."""
    from jptransfer.learners.prediction import cut_so_far

    if cut := cut_so_far(predictor):
        print(f"cut: {cut.sentence()}", file=sys.stderr)


def _answers(config: PredictConfig, task: Task, paired: bool) -> AbstractContextManager[PredictionWriter]:
    """Open what the answers are added to."""
    by_name = {**dict.fromkeys(OBJECTS, OutputFormat.jsonl), ".conll": OutputFormat.conll}
    layout = config.format or by_name.get(Path(config.output).suffix, OutputFormat.tsv)
    if layout is OutputFormat.tsv:
        return _written(config.output, lambda stream: TableWriter(stream, task, paired))
    if layout is OutputFormat.jsonl:
        return _written(config.output, lambda stream: JsonWriter(stream, task))
    if not isinstance(task, MarksSpans):
        raise ConfigError(f"format: {layout.value} holds entities, and this model is for {task.kind}; "
                          "tsv and jsonl hold its answers")
    spans: MarksSpans = task
    if layout is OutputFormat.brat:
        return _brat(config, spans, task.labels)
    return _written(config.output, lambda stream: ColumnWriter(stream, spans))


@contextmanager
def _written(output: str, writer: Callable[[TextIO], PredictionWriter]) -> Iterator[PredictionWriter]:
    with open_output(output) as stream:
        yield writer(stream)


@contextmanager
def _brat(config: PredictConfig, task: MarksSpans, labels: Sequence[str]) -> Iterator[PredictionWriter]:
    name = "text" if config.input == STANDARD else bare_name(Path(config.input))
    whole = name if _input_format(config.input, config.input_format) == TEXT else ""
    with new_folder(Path(config.output), "output") as folder, BratWriter(folder, task, labels, whole) as answers:
        yield answers


def _input_format(source: str, layout: str) -> str:
    layout = layout or (OBJECT if bare_suffix(Path(source)) in OBJECTS else TEXT)
    if layout not in INPUT_FORMATS:
        raise ConfigError("input_format: " + unknown("input format", layout, INPUT_FORMATS))
    return layout


def read_rows(source: str, layout: str, encoding: str = "utf-8", paired: bool = False) -> Iterator[Row]:
    """Yield the objects of a file or of standard input, each with the field `text`; an empty `layout` is found.

    `paired`: each has the field `text_pair` too; in lines of text there is a tab between the two, and a first line
    ``text<TAB>text_pair`` is a header.
    """
    table = bare_suffix(Path(source))
    if not layout and table in TABLES and not (paired and table == ".tsv"):
        raise ConfigError(f"{source} is a table by its name, and predict reads a text a line: write its column of "
                          "texts to a file of its own, or give input_format=text if each line is a text")
    layout = _input_format(source, layout)
    path = Path("/dev/stdin" if source == STANDARD else source)
    if not path.exists():
        locate(source, _Strict())
    lines = read_lines(path, encoding, _Strict())
    if layout == TEXT and paired:
        return (_pair(f"{path}:{number}", line) for number, line in lines if (number, line) != (1, f"text\t{PAIR}"))
    if layout == TEXT:
        return ({"text": line} for _, line in lines)
    return (_object(f"{path}:{number}", line, paired) for number, line in json_lines(lines, str(path)) if line.strip())


class _Strict(ErrorPolicy):
    """Stops at anything unreadable; a file may be empty."""

    def report(self, kind: str, where: str, what: str) -> None:
        if kind != "empty":
            raise DataError(f"{where}: {what}{self.hint(kind)}")


def _pair(where: str, line: str) -> Row:
    text, *rest = line.split("\t")
    if len(rest) != 1:
        raise DataError(f"{where}: the model reads pairs of texts: each line is a text, a tab and the second text, but "
                        f"this line has {len(rest)} tabs")
    return {"text": text, PAIR: rest[0]}


def _object(where: str, line: str, paired: bool) -> Row:
    try:
        found = parse_json(line)
        row = {"text": found} if isinstance(found, str) else found
        if isinstance(row, dict) and isinstance(row.get("text"), str):
            row["text"].encode("utf-8")
            _check_second(where, row.get(PAIR), paired)
            return row
    except ValueError as error:  # also half of a surrogate pair
        raise DataError(f"{where}: no valid JSON text ({error})") from None
    raise DataError(f"{where}: no JSON string, and no object with a field 'text' that holds one")


def _check_second(where: str, second: Any, paired: bool) -> None:
    """Raise `DataError` unless there is a second text where the model reads one, and none where it does not."""
    if paired and not isinstance(second, str):
        raise DataError(f"{where}: the model reads pairs of texts; no field '{PAIR}' holds a string")
    if not paired and second is not None:
        raise DataError(f"{where}: the model was trained on single texts, and there is a field '{PAIR}'")
    if paired:
        second.encode("utf-8")


def check_output(name: str) -> None:
    """Raise `ConfigError` if `open_output` could not write there."""
    if name.endswith("/"):
        raise ConfigError(f"output: '{name}' is the name of a folder; name a file")
    if name != STANDARD:
        check_new_file(Path(name), "output")


@contextmanager
def open_output(name: str) -> Iterator[TextIO]:
    """Open standard output, or a file that takes its name only when all is written."""
    if name == STANDARD:
        yield sys.stdout
        return
    with new_file(Path(name), "output") as stream:
        yield stream
