"""CoNLL-U with named entities in MISC (``NE=B-Person``), as the releases of UD_Japanese-GSD with entities have them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from jptransfer.config import TaskConfig
from jptransfer.corpora.error_policy import ErrorPolicy, read_lines
from jptransfer.datasets.base import RawDataset, data_files, error_policy
from jptransfer.tasks.ner import EntityExample
from jptransfer.tasks.spans import OUTSIDE, chunks, to_characters

COLUMNS = 10


def read(config: TaskConfig) -> RawDataset:
    """Read the files of splits or ``all``; a word without the key `tag` in MISC is outside of entities.

    The text is that of ``# text``, in which the words follow each other with white space or nothing between them; a
    sentence with another text is malformed. Without such a line there is a space after each word whose MISC does not
    have ``SpaceAfter=No``. Ranges of words and empty words are passed over. Documents (``# newdoc id``) stay together
    where splits are made.
    """
    key, policy = config.conllu_file.tag, error_policy(config)
    data = RawDataset({}, policy.skipped)
    for role, path in data_files(config).items():
        examples = data.splits.setdefault(role, [])
        document = ""
        for where, about, rows in _sentences(path, config.encoding, policy):
            document = about.get("newdoc id", document)
            example = _example(about.get("sent_id", f"{role}-{len(examples) + 1}"), where, about, rows, key, policy)
            if example is not None:
                examples.append(example)
                data.groups |= {example.id: document} if document else {}
    return data


def _sentences(path: Path, encoding: str,
               policy: ErrorPolicy) -> Iterator[tuple[str, dict[str, str], list[list[str]]]]:
    """Yield where each sentence begins, its comments by name, and the columns of its lines."""
    begin = 0
    about: dict[str, str] = {}
    rows: list[list[str]] = []
    for number, line in read_lines(path, encoding, policy):
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
             policy: ErrorPolicy) -> EntityExample | None:
    if any(len(row) != COLUMNS or not row[1] for row in rows):
        policy.report("malformed", where, f"a line of this sentence has not {COLUMNS} columns, or no form")
        return None
    words = [(row[1], dict(pair.partition("=")[::2] for pair in row[-1].split("|")))
             for row in rows if row[0].isdecimal()]
    made = "".join(form if about_word.get("SpaceAfter") == "No" else f"{form} " for form, about_word in words)
    made = made[:-1] if words and words[-1][1].get("SpaceAfter") != "No" else made
    text = about["text"].rstrip(" ") if "text" in about else made
    places = place(text, [form for form, _ in words])
    if places is None:
        policy.report("malformed", where, f"its words make '{made}' and not '{text}'")
        return None
    try:
        found = chunks(about_word.get(key, OUTSIDE) for _, about_word in words)
    except ValueError as error:
        policy.report("malformed", where, f"{error}; is task.conllu_file.tag right?")
        return None
    return EntityExample(id, text, tuple(to_characters(found, places)), tuple(places))


def place(text: str, forms: Sequence[str]) -> list[tuple[int, int]] | None:
    """Return where the forms stand in a text of which they, and white space between them, are all; None if they do not.
    """
    places, end = [], 0
    for form in forms:
        start = end
        while text[start:start + 1].isspace() and not text.startswith(form, start):
            start += 1
        if not text.startswith(form, start):
            return None
        places.append((start, end := start + len(form)))
    return None if text[end:].strip() else places
