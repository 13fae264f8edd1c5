"""Columns in the CoNLL style: a token a line with its tag, a blank line after each sentence; any tagging scheme."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import dropwhile
from pathlib import Path

from jptransfer.config import TaskConfig
from jptransfer.corpora.error_policy import ErrorPolicy, read_lines
from jptransfer.datasets.base import RawDataset, data_files, error_policy
from jptransfer.datasets.conll_file_settings import ConllFileConfig, Docstart, Joiner
from jptransfer.datasets.separators import SEPARATORS
from jptransfer.tasks.ner import EntityExample
from jptransfer.tasks.spans import chunks, split_tag, to_characters

BLANKS = re.compile("[ \t]+")
"""Tabs and ASCII spaces only: the ideographic space is a token of Japanese corpora."""
JAPANESE = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff\uff66-\uff9f々〆]")
DOCUMENT = "-DOCSTART-"

Sentence = tuple[str, str, list[list[str]]]
"""Where a sentence begins (``file:line``), where its document does (empty: no line said so), the columns of its lines.
"""


def read(config: TaskConfig) -> RawDataset:
    """Read the files of splits or ``all``; the scheme of tags (IOB, IOE, BIOES, BILOU, BMES) is recognised.

    Lines that begin with `comment` are left out; without that setting, lines before a sentence that begin with ``#``
    and are not tagged tokens (``# id = 7``). A line ``-DOCSTART-`` ends a sentence and is left out unless `docstart`
    says otherwise.
    """
    settings, policy = config.conll_file, error_policy(config)
    columns = settings.token_column, settings.tag_column
    data = RawDataset({}, policy.skipped)
    for role, path in data_files(config).items():
        examples = data.splits.setdefault(role, [])
        sentences = ((where, document, rows if settings.comment else _without_comments(rows, columns[1]))
                     for where, document, rows in _sentences(path, config.encoding, settings, policy))
        for number, (where, document, rows) in enumerate((one for one in sentences if one[2]), 1):
            example = _example(f"{role}-{number}", where, rows, columns, settings.joiner, policy)
            examples += [example] if example else []
            if example and document:
                data.groups[example.id] = document
    return data


def _sentences(path: Path, encoding: str, settings: ConllFileConfig, policy: ErrorPolicy) -> Iterator[Sentence]:
    separator = SEPARATORS.get(settings.separator, settings.separator) or None  # None: any run of tabs and spaces
    begin, document = 0, ""
    rows: list[list[str]] = []
    for number, line in read_lines(path, encoding, policy):
        opens = settings.docstart is not Docstart.sentence and line.startswith(DOCUMENT)
        if not opens and settings.comment and line.startswith(settings.comment):
            continue
        if rows and (opens or not line.strip(" \t")):
            yield f"{path}:{begin}", document, rows
            rows = []
        if opens:
            document = f"{path.name}:{number}" if settings.docstart is Docstart.document else ""
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


def _example(id: str, where: str, rows: list[list[str]], columns: tuple[int, int], joiner: Joiner,
             policy: ErrorPolicy) -> EntityExample | None:
    widths = sorted({len(row) for row in rows})
    if len(widths) > 1 and min(columns) < 0:
        policy.report("malformed", where, f"the lines of this sentence have {widths[0]} to {widths[-1]} columns")
        return None
    try:
        tokens, tags = ([row[column] for row in rows] for column in columns)
    except IndexError:
        policy.report("malformed", where, f"a line of this sentence has {widths[0]} columns; column "
                                            f"{max(columns)} is asked for (task.conll_file.token_column, tag_column)")
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
        policy.report("malformed", where, f"{error}; is task.conll_file.tag_column right?")
        return None
    text, units = join(tokens, joiner)
    return EntityExample(id, text, tuple(to_characters(found, units)), tuple(units))


def join(tokens: list[str], joiner: Joiner = Joiner.auto) -> tuple[str, list[tuple[int, int]]]:
    """Return the text that tokens make and each token's place in it.

    Args:
        tokens: non-empty strings.
        joiner: auto: spaces, unless a token has kana or kanji; then only two Latin words get one.
    """
    japanese = joiner is Joiner.none or (joiner is Joiner.auto and any(JAPANESE.search(token) for token in tokens))
    text, places = "", []
    for token in tokens:
        if text and (not japanese or (joiner is Joiner.auto and _latin(text[-1]) and _latin(token[0]))):
            text += " "
        places.append((len(text), len(text) + len(token)))
        text += token
    return text, places


def _latin(character: str) -> bool:
    return character.isascii() and character.isalpha()
