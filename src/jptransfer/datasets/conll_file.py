"""Columns in the CoNLL style: a token a line with its tag, a blank line after each sentence; any tagging scheme."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from itertools import dropwhile
from pathlib import Path

from jptransfer.config import TaskConfig
from jptransfer.corpora.error_policy import ErrorPolicy, read_lines
from jptransfer.datasets.base import RawDataset, data_files, error_policy, reader_options
from jptransfer.datasets.tables import SEPARATORS, is_number
from jptransfer.errors import ConfigError, unknown
from jptransfer.tasks.ner import EntityExample
from jptransfer.tasks.spans import chunks, split_tag, to_characters

OPTIONS = {"joiner": ("auto", "space", "none"), "comment": ("",), "docstart": ("skip", "document", "sentence")}
BLANKS = re.compile("[ \t]+")
"""Tabs and ASCII spaces only: the ideographic space is a token of Japanese corpora."""
JAPANESE = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff\uff66-\uff9f々〆]")
DOCUMENT = "-DOCSTART-"

Sentence = tuple[str, str, list[list[str]]]
"""Where a sentence begins (``file:line``), where its document does (empty: no line said so), the columns of its lines.
"""


def read(config: TaskConfig) -> RawDataset:
    """Read ``files.train``, ``validation``, ``test`` or ``all``; IOB, IOE, BIOES, BILOU and BMES tags tell themselves.

    ``options.joiner`` makes the text: auto (a sentence with kana or kanji is written without spaces but between two
    Latin letters, another one with spaces), space or none. Lines that begin with ``options.comment`` are left out;
    without that option, lines before a sentence that begin with ``#`` and are not tagged tokens (``# id = 7``). A line
    ``-DOCSTART-`` ends a sentence and is left out too, unless ``options.docstart`` takes it for a sentence, as counts
    of CoNLL-2003 often do, or for the beginning of a document, which is not divided where splits are made.
    """
    options, policy = reader_options(config, OPTIONS), error_policy(config)
    columns = _number(config.token_column, "token_column"), _number(config.tag_column, "tag_column")
    data = RawDataset({}, policy.skipped)
    for role, path in data_files(config).items():
        examples = data.splits.setdefault(role, [])
        sentences = ((where, document, rows if options["comment"] else _without_comments(rows, columns[1]))
                     for where, document, rows in _sentences(path, config, options, policy))
        for number, (where, document, rows) in enumerate((one for one in sentences if one[2]), 1):
            example = _example(f"{role}-{number}", where, rows, columns, options["joiner"], policy)
            examples += [example] if example else []
            if example and document:
                data.groups[example.id] = document
    return data


def _number(column: str, name: str) -> int:
    if not is_number(column):
        raise ConfigError(f"task.{name}: '{column}' is no column number (0 is the first column, -1 the last)")
    return int(column)


def _sentences(path: Path, config: TaskConfig, options: Mapping[str, str], policy: ErrorPolicy) -> Iterator[Sentence]:
    separator = _separator(config.separator)
    begin, document = 0, ""
    rows: list[list[str]] = []
    for number, line in read_lines(path, config.encoding, policy):
        opens = options["docstart"] != "sentence" and line.startswith(DOCUMENT)
        if not opens and options["comment"] and line.startswith(options["comment"]):
            continue
        if rows and (opens or not line.strip(" \t")):
            yield f"{path}:{begin}", document, rows
            rows = []
        if opens:
            document = f"{path.name}:{number}" if options["docstart"] == "document" else ""
        elif line.strip(" \t"):
            begin = begin if rows else number
            rows.append(BLANKS.split(line.strip(" \t")) if separator is None else line.split(separator))
    if rows:
        yield f"{path}:{begin}", document, rows


def _without_comments(rows: list[list[str]], tag: int) -> list[list[str]]:
    """Return the lines of a sentence without the comments before them.

    These begin with ``#``, which may be a token too, and have no tag or another number of columns than the last line.
    """
    return list(dropwhile(lambda row: row[0].startswith("#") and (
        len(row) != len(rows[-1]) or row[1:2] and row[1].startswith("S-ID:") or not _has_tag(row, tag)), rows))


def _has_tag(row: list[str], tag: int) -> bool:
    try:
        split_tag(row[tag])
    except (IndexError, ValueError):
        return False
    return True


def _separator(name: str) -> str | None:
    """Character between columns, None for any run of tabs and spaces."""
    if name and name not in SEPARATORS and len(name) != 1:
        raise ConfigError(f"task.separator: {unknown('separator', name, SEPARATORS)}, or a single character")
    return SEPARATORS.get(name, name) or None


def _example(id: str, where: str, rows: list[list[str]], columns: tuple[int, int], joiner: str,
             policy: ErrorPolicy) -> EntityExample | None:
    widths = sorted({len(row) for row in rows})
    if len(widths) > 1 and min(columns) < 0:
        policy.report("malformed", where, f"the lines of this sentence have {widths[0]} to {widths[-1]} columns")
        return None
    try:
        tokens, tags = ([row[column] for row in rows] for column in columns)
    except IndexError:
        policy.report("malformed", where, f"a line of this sentence has {widths[0]} columns; column "
                                            f"{max(columns)} is asked for (task.token_column, task.tag_column)")
        return None
    if columns[0] % widths[0] == columns[1] % widths[0]:
        policy.report("malformed", where, f"token and tag are the same column of {widths[0]}")
        return None
    if not all(tokens):
        policy.report("malformed", where, "a line of this sentence has an empty token")
        return None
    try:
        found = chunks(tags)
    except ValueError as error:
        policy.report("malformed", where, f"{error}; is task.tag_column right?")
        return None
    text, units = join(tokens, joiner)
    return EntityExample(id, text, tuple(to_characters(found, units)), tuple(units))


def join(tokens: list[str], joiner: str = "auto") -> tuple[str, list[tuple[int, int]]]:
    """Return the text that tokens make and each token's place in it.

    Args:
        tokens: non-empty strings.
        joiner: space, none, or auto: spaces unless some token has kana or kanji, where only two Latin words get one.
    """
    japanese = joiner == "none" or (joiner == "auto" and any(JAPANESE.search(token) for token in tokens))
    text, places = "", []
    for token in tokens:
        if text and (not japanese or (joiner == "auto" and _latin(text[-1]) and _latin(token[0]))):
            text += " "
        places.append((len(text), len(text) + len(token)))
        text += token
    return text, places


def _latin(character: str) -> bool:
    return character.isascii() and character.isalpha()
