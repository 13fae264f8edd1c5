"""Readers of running text: each turns a source into a stream of documents, which are lists of sentences."""

from __future__ import annotations

import re
import tarfile
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

from jptransfer.config import SourceConfig
from jptransfer.corpora.delimited import delimited_rows
from jptransfer.corpora.error_policy import (
    LONG_LINE,
    ErrorPolicy,
    decode_lines,
    json_lines,
    locate,
    parse_json,
    read_lines,
)
from jptransfer.corpora.sentences import split_sentences
from jptransfer.errors import ConfigError, DataError, nearest, reason
from jptransfer.files import bare_suffix, open_bytes
from jptransfer.hub import split_reference
from jptransfer.tasks.files import unlabelled
from jptransfer.text.normalize import unescape

Document = list[str]
"""Sentences of a document, in order, before cleaning."""

_DOC, _TITLE = re.compile(r"<doc\b[^>]*+>$"), re.compile(r'\btitle="([^"]*)"')


def read_text(source: SourceConfig, policy: ErrorPolicy) -> Iterator[Document]:
    """Plain text: one sentence per line, a blank line (or the end of the file) after each document."""
    for path in locate(source.path, policy):
        lines = (text for _, text in read_lines(path, source.encoding, policy, LONG_LINE))
        yield from documents(lines, source, split=bool(source.split_sentences))


def read_folder(source: SourceConfig, policy: ErrorPolicy) -> Iterator[Document]:
    """A folder, glob or tar archive of text files: each file is a document of paragraphs, without `skip_lines` lines.
    """
    for path in locate(source.path, policy):
        for lines in _files_within(path, source.encoding, policy):
            body = (line for line in islice(lines, source.folder.skip_lines, None) if line.strip())
            yield from documents(body, source, split=_splits(source))


def _files_within(path: Path, encoding: str, policy: ErrorPolicy) -> Iterator[Iterator[str]]:
    """Yield the lines of a file, or of each file of a tar archive in the archive's order."""
    if bare_suffix(path) not in (".tar", ".tgz", ".txz"):
        yield (text for _, text in read_lines(path, encoding, policy, LONG_LINE))
        return
    with policy.reading(path), open_bytes(path) as stream, tarfile.open(fileobj=stream, mode="r|*") as archive:
        for member in archive:
            content = archive.extractfile(member) if member.isfile() else None
            if content is not None:
                name = f"{path}/{member.name}"
                yield (text for _, text in decode_lines(content, name, encoding, policy, LONG_LINE))  # type: ignore[arg-type]


def documents(lines: Iterable[str], source: SourceConfig, split: bool) -> Iterator[Document]:
    """Group lines into documents at blank lines and after `source.max_sentences`; `split`: split lines into sentences.
    """
    document: Document = []
    for line in lines:
        sentences = split_sentences(line) if split else [line] if line.strip() else []
        if not sentences and document:
            yield document
            document = []
        document += sentences
        while len(document) >= source.max_sentences:
            yield document[: source.max_sentences]
            document = document[source.max_sentences :]
    if document:
        yield document


def _splits(source: SourceConfig) -> bool:
    return source.split_sentences is not False


def read_jsonl(source: SourceConfig, policy: ErrorPolicy) -> Iterator[Document]:
    """One JSON object per line, or one array of objects; each of `columns` (a string or a list) is a document."""
    for path in locate(source.path, policy):
        lines = json_lines(read_lines(path, source.encoding, policy), str(path))
        for where, record in _objects(lines, path, policy):
            yield from _from_record(record, source, where, policy)


def _objects(lines: Iterable[tuple[int, str]], path: Path, policy: ErrorPolicy) -> Iterator[tuple[str, dict[str, Any]]]:
    """Parse JSON lines; yields (place, object)."""
    for number, line in lines:
        where = f"{path}:{number}"
        if not line.strip():
            continue
        try:
            record = parse_json(line)
        except ValueError as error:
            policy.report("malformed", where, f"not JSON ({error})")
            continue
        if isinstance(record, dict):
            yield where, record
        else:
            policy.report("malformed", where, f"a JSON object is expected, not {type(record).__name__}")


def _from_record(record: dict[str, Any], source: SourceConfig, where: str, policy: ErrorPolicy) -> Iterator[Document]:
    """Yield a document for each text column of a record that matches `source.where`."""
    for column in (*source.where, *source.columns):
        if column not in record:
            policy.report("malformed", where, f"no field '{column}'{nearest(column, record)}")
            return
    if any(str(record[column]) != wanted for column, wanted in source.where.items()):
        return
    for column in source.columns:
        value = record[column]
        paragraphs = value if isinstance(value, list) else [value]
        if not all(isinstance(paragraph, str) for paragraph in paragraphs):
            policy.report("malformed", where, f"field '{column}' holds no text")
            continue
        lines = (line for paragraph in paragraphs for line in paragraph.split("\n") if line.strip())
        yield from documents(lines, source, split=_splits(source))


def read_wikiextractor(source: SourceConfig, policy: ErrorPolicy) -> Iterator[Document]:
    """WikiExtractor's folders (AA/wiki_00, …), both as <doc> elements and as JSON; titles are left out."""
    for path in locate(source.path, policy):
        lines = read_lines(path, source.encoding, policy)
        for title, article in _articles(lines, path, policy):
            body = [line for line in article if line.strip()]
            if body and body[0].strip() == title.strip():
                body = body[1:]
            yield from documents(body, source, split=_splits(source))


def _articles(lines: Iterator[tuple[int, str]], path: Path, policy: ErrorPolicy) -> Iterator[tuple[str, list[str]]]:
    """Yield title and lines of each article of one file."""
    article: list[str] | None = None
    title, opened = "", 0
    for number, line in lines:
        if article is None and line.startswith("{"):
            for where, record in _objects([(number, line)], path, policy):
                if isinstance(record.get("text"), str):
                    yield str(record.get("title", "")), record["text"].split("\n")
                else:
                    policy.report("malformed", where, "no field 'text'")
        elif _DOC.match(line):
            if article is not None:
                policy.report("malformed", f"{path}:{opened}", "a <doc> that is not closed")
            title, article, opened = unescape("".join(_TITLE.findall(line)[-1:])), [], number
        elif line.startswith("</doc>") and article is not None:
            yield title, article
            article = None
        elif article is not None:
            article.append(line)
        elif line.strip():
            policy.report("malformed", f"{path}:{number}", "text outside of <doc> … </doc>")
    if article is not None:
        policy.report("malformed", f"{path}:{opened}", "a <doc> that is not closed")


def read_tsv(source: SourceConfig, policy: ErrorPolicy) -> Iterator[Document]:
    """Tab-separated columns by 0-based number, without quoting: each cell is a document of one sentence."""
    for cell in _cells(source, policy, "\t", "no"):
        yield from documents([cell], source, split=bool(source.split_sentences))


def read_csv(source: SourceConfig, policy: ErrorPolicy) -> Iterator[Document]:
    r"""Comma-separated columns by 0-based number, with quoting: each cell is a document; ``\n`` in it ends a line."""
    for cell in _cells(source, policy, ",", source.csv.quotes.value):
        paragraphs = (line for line in cell.replace("\\n", "\n").split("\n") if line.strip())
        yield from documents(paragraphs, source, split=_splits(source))


def _cells(source: SourceConfig, policy: ErrorPolicy, separator: str, quotes: str) -> Iterator[str]:
    """Yield the cells of `source.columns` in rows that match `source.where`.

    A row with more columns than the file's first row is malformed, because a cell may contain a separator.
    """
    columns = _numbers(source.columns, "columns")
    where = dict(zip(_numbers(list(source.where), "where"), source.where.values(), strict=True))
    needed = max([*columns, *where])
    for path in locate(source.path, policy):
        width = 0
        for row in delimited_rows(read_lines(path, source.encoding, policy), str(path), separator, quotes, policy):
            width = width or len(row.cells)
            if len(row.cells) <= needed:
                what = f"{len(row.cells)} columns, but column {needed} is wanted"
                policy.report("malformed", f"{path}:{row.line}", what)
            elif len(row.cells) > width:
                what = f"{len(row.cells)} columns instead of {width} as in the first row (a separator in a cell?)"
                policy.report("malformed", f"{path}:{row.line}", what)
            elif all(row.cells[column] == wanted for column, wanted in where.items()):
                yield from (row.cells[column] for column in columns)


def _numbers(columns: list[str], field: str) -> list[int]:
    if not columns and field == "columns" or not all(column.isdecimal() for column in columns):
        raise ConfigError(f"{field}: formats tsv and csv want 0-based column numbers, not {columns}")
    return [int(column) for column in columns]


def read_hf(source: SourceConfig, policy: ErrorPolicy) -> Iterator[Document]:
    """A streamed Hugging Face data set: ``name`` or ``name@revision`` on the hub, or a folder on disk."""
    with policy.reading(Path(source.path)):
        for number, record in enumerate(_rows(source)):
            yield from _from_record(record, source, f"{source.path}[{number}]", policy)


def _rows(source: SourceConfig) -> Iterable[dict[str, Any]]:
    import datasets

    name, revision = split_reference(source.path)
    split = source.split or "train"
    folder = Path(source.path).expanduser()
    try:
        if (folder / "dataset_dict.json").is_file() or (folder / "state.json").is_file():
            loaded = datasets.load_from_disk(str(folder))
            if not isinstance(loaded, dict):
                return loaded
            if split not in loaded:
                raise ConfigError(f"{folder}: no split '{split}'{nearest(split, loaded)}")
            return loaded[split]
        if folder.is_dir():
            return datasets.load_dataset(str(folder), split=split, streaming=True)
        return datasets.load_dataset(name, split=split, revision=revision, streaming=True)
    except (OSError, ValueError) as error:
        raise DataError(f"{source.path}: cannot be loaded as a data set: {reason(error)}") from error


def read_task(source: SourceConfig, policy: ErrorPolicy) -> Iterator[Document]:
    """A split of a `dataset` artifact (parquet): each of `columns` of each example is a document."""
    for number, record in enumerate(unlabelled(Path(source.path))):
        yield from _from_record(record, source, f"{source.path}[{number}]", policy)
