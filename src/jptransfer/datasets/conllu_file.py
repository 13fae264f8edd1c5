"""CoNLL-U with named entities in MISC (``NE=B-Person``), as the releases of UD_Japanese-GSD with entities have them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from jptransfer.config import TaskConfig
from jptransfer.corpora.intake import Intake, read_lines
from jptransfer.datasets.base import RawDataset, data_files, intake, reader_options
from jptransfer.tasks.ner import EntityExample
from jptransfer.tasks.spans import OUTSIDE, chunks, to_characters

COLUMNS = 10
OPTIONS = {"tag": ("",)}
DEFAULT_TAG = "NE"


def read(config: TaskConfig) -> RawDataset:
    """Read ``files.train``, ``validation``, ``test`` or ``all``; a word without ``options.tag`` (NE) is outside.

    Spaces are where MISC does not say ``SpaceAfter=No``; a sentence with another ``# text`` is malformed.
    Ranges of words and empty words are passed over; documents (``# newdoc id``) are not divided between splits.
    """
    key, trouble = reader_options(config, OPTIONS)["tag"] or DEFAULT_TAG, intake(config)
    data = RawDataset({}, trouble.skipped)
    for role, path in data_files(config).items():
        examples = data.splits.setdefault(role, [])
        document = ""
        for where, about, rows in _sentences(path, config.encoding, trouble):
            document = about.get("newdoc id", document)
            example = _example(about.get("sent_id", f"{role}-{len(examples) + 1}"), where, about, rows, key, trouble)
            if example is not None:
                examples.append(example)
                data.groups |= {example.id: document} if document else {}
    return data


def _sentences(path: Path, encoding: str, trouble: Intake) -> Iterator[tuple[str, dict[str, str], list[list[str]]]]:
    """Yield where each sentence begins, its comments by name, and the columns of its lines."""
    begin = 0
    about: dict[str, str] = {}
    rows: list[list[str]] = []
    for number, line in read_lines(path, encoding, trouble):
        if line.startswith("#"):
            name, _, value = line[1:].partition(" = ")
            about[name.strip()] = value
        elif line.strip():
            begin = begin if rows else number
            rows.append(line.split("\t"))
        elif rows:
            yield f"{path}:{begin}", about, rows
            about, rows = {}, []
    if rows:
        yield f"{path}:{begin}", about, rows


def _example(id: str, where: str, about: dict[str, str], rows: list[list[str]], key: str,
             trouble: Intake) -> EntityExample | None:
    if any(len(row) != COLUMNS or not row[1] for row in rows):
        trouble.trouble("malformed", where, f"a line of this sentence has not {COLUMNS} columns, or no form")
        return None
    words = [(row[1], dict(pair.partition("=")[::2] for pair in row[-1].split("|")))
             for row in rows if row[0].isdecimal()]
    text, places = "", []
    for form, about_word in words:
        places.append((len(text), len(text) + len(form)))
        text += form if about_word.get("SpaceAfter") == "No" else f"{form} "
    text = text.rstrip(" ")
    if about.get("text", text).rstrip(" ") != text:
        trouble.trouble("malformed", where, f"its words make '{text}' and not '{about['text']}'")
        return None
    try:
        found = chunks(about_word.get(key, OUTSIDE) for _, about_word in words)
    except ValueError as error:
        trouble.trouble("malformed", where, f"{error}; is task.options.tag right?")
        return None
    return EntityExample(id, text, tuple(to_characters(found, places)), tuple(places))
