"""KNP files with named entities, ``<NE:TYPE:surface>`` on a basic phrase: KWDLC, the Kyoto corpora.

Sentences are as in Hangyo, Kawahara, Kurohashi (2012): ``# S-ID:`` begins one, ``*`` a phrase, ``+`` a basic phrase,
``EOS`` ends it. The surface of an entity is made of the last morphemes up to one of the phrase that bears the mark; a
``>`` in it is written ``\\>``. Marks of morphemes (``<NE:TYPE:head>``), left there by an analyser, are not read. A
morpheme has its part of speech as a word and as a number: so ``#`` and ``@`` are told from comments and from second
analyses, which begin with them.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from io import BytesIO
from pathlib import Path
from typing import Any

from jptransfer.config import TaskConfig
from jptransfer.config.task import POOL, split_name
from jptransfer.corpora.error_policy import ErrorPolicy, decode_lines, read_lines
from jptransfer.datasets.archives import members
from jptransfer.datasets.base import RawDataset, data_files, error_policy
from jptransfer.datasets.span_json import disjoint
from jptransfer.errors import ConfigError, DataError
from jptransfer.tasks.ner import EntityExample
from jptransfer.tasks.spans import Span

FILE = re.compile(r"\.knp$")
IDENTITY = re.compile(r"# S-ID:(\S+)")
PHRASE = re.compile(r"[*+] ?-?\d*[A-Z]?\b|[*+]$")
MARK = re.compile(r"<NE:([^:>]+):((?:\\>|[^>])+)>")
ESCAPED, SPACE = "\\>", "\\  "
IDS = "ids"
Range = tuple[int, int]


def read(config: TaskConfig) -> RawDataset:
    """Read ``files.train``, ``validation``, ``test`` or ``all``: each a file, folder or archive of ``*.knp`` files.

    A document is in one split. With `all`, ``files.ids`` may be a folder that says in which: train.id, dev.id, test.id
    with one document id per line; a sentence belongs to the document whose id is the longest beginning of its own.
    Without it see `documents`. Entities whose surface is not found are counted.
    """
    policy = error_policy(config)
    data = RawDataset({}, policy.skipped)
    files = data_files(config)
    ids = files.pop(IDS, None)
    sources: dict[str, list[str]] = {}
    for role, path in files.items():
        examples = data.splits.setdefault(role, [])
        for name, raw in members(path, lambda name: FILE.search(name) is not None):
            lines = decode_lines(BytesIO(raw), f"{path}: {name}", config.encoding, policy)
            for where, identity, sentence in _sentences(f"{path}: {name}", lines):
                if not identity or not any(not PHRASE.match(line) for line in sentence):
                    policy.report("malformed", where, "a sentence without S-ID, without morphemes or without EOS")
                    continue
                examples.append(_example(identity, sentence, data.counts))
                sources.setdefault(f"{path}: {name}", []).append(identity)
    if ids:
        divided = read_splits(ids, config.encoding, policy)
        data.groups = {one.id: _document(one.id, divided) for one in data.splits.get(POOL, [])}
        data.splits = _divided(data, divided)
    else:
        data.groups = documents(list(sources.values()))
        if config.made_splits({split: found for split, found in data.splits.items() if split != POOL}):
            _check_documents(sources)
    return data


def documents(files: list[list[str]]) -> dict[str, str]:
    """Return the document of every sentence, by the ids alone.

    Sentence numbers have one part or two (``d1-2``, ``d1-2-01``), and a document may have both. Where there are several
    files and the ids of one begin alike, that beginning is its document; ids without a hyphen name none, and then the
    file is the document. Otherwise it is the id without its last part, or the shortest beginning of it that is a
    document too. A document may be taken for a part of a larger one, but is never divided.

    Args:
        files: ids of the sentences of each file.
    """
    found: dict[str, str] = {}
    for number, ids in enumerate(files, 1):
        if len(files) > 1 < len(ids) and not any("-" in one for one in ids):
            found |= dict.fromkeys(ids, f"file {number}")
            continue
        common = "-".join(_common([one.split("-")[:-1] for one in ids])) if len(files) > 1 else ""
        found |= {one: common or one.rpartition("-")[0] or one for one in ids}
    known = set(found.values())
    return {one: next(name for name in _beginnings(document) if name in known) for one, document in found.items()}


def _check_documents(sources: Mapping[str, list[str]]) -> None:
    """Raise `DataError` if sentences of one file are to be divided and their ids name no document."""
    where, ids = next(iter(sources.items()), ("", []))
    if len(sources) == 1 and not any("-" in one for one in ids):
        raise DataError(f"{where}: no S-ID names a document ('{ids[0]}' has no hyphen), so sentences of one document "
                        "could be in training and test data; give task.files train, validation and test, or name the "
                        f"documents of each split by task.files.{IDS}")


def _common(rows: list[list[str]]) -> list[str]:
    """Return the parts that all rows begin with."""
    first, last = min(rows), max(rows)
    same = [one == other for one, other in zip(first, last, strict=False)]
    return first[:same.index(False) if False in same else len(same)]


def _beginnings(identity: str) -> list[str]:
    """Return the beginnings of an id up to a hyphen, the shortest first, and the id itself."""
    parts = identity.split("-")
    return ["-".join(parts[:count]) for count in range(1, len(parts) + 1)]


def _document(identity: str, known: Mapping[str, str]) -> str:
    """Return the longest beginning of a sentence's id that is the id of a document; the whole id if there is none."""
    return next((name for name in reversed(_beginnings(identity)) if name in known), identity)


def read_splits(folder: Path, encoding: str, policy: ErrorPolicy) -> dict[str, str]:
    """Return document -> split, as the files ``train.id``, ``dev.id``, ``test.id`` of a folder have them.

    Raises:
        DataError: there is none for training, or a document is in two.
    """
    found: dict[str, str] = {}
    for path in sorted(folder.glob("*.id")):
        if not (split := split_name(path.stem)):
            continue
        for name in filter(None, (line.strip() for _, line in read_lines(path, encoding, policy))):
            if found.setdefault(name, split) != split:
                raise DataError(f"{path}: document '{name}' is of {found[name]}, too")
    if "train" not in found.values():
        raise DataError(f"task.files.{IDS}: '{folder}' has no document for training (train.id)")
    return found


def _divided(data: RawDataset, splits: dict[str, str]) -> dict[str, list[Any]]:
    """Return the undivided examples by split; those of documents that no split has are counted, and left out."""
    if POOL not in data.splits:
        raise ConfigError(f"task.files.{IDS} divides what {POOL} names; there is none")
    parts: dict[str, list[Any]] = {split: [] for split in dict.fromkeys(splits.values())}
    for example in data.splits[POOL]:
        split = splits.get(data.groups[example.id])
        data.counts["sentences of no split"] += split is None
        if split:
            parts[split].append(example)
    data.counts["documents not found"] += len(splits.keys() - set(data.groups.values()))
    return parts


def _sentences(name: str, lines: Iterator[tuple[int, str]]) -> Iterator[tuple[str, str, list[str]]]:
    """Yield where each sentence begins, its id, and its lines of phrases and morphemes."""
    where, identity = name, ""
    held: list[str] = []
    for number, line in lines:
        if found := IDENTITY.match(line):
            if held:
                yield where, "", held
            where, identity, held = f"{name}:{number}", found[1], []
        elif line == "EOS":
            yield where, identity, held
            identity, held = "", []
        elif line and (line[0] not in "#@" or _is_morpheme(line)):
            held.append(line)
    if held:
        yield where, "", held


def _is_morpheme(line: str) -> bool:
    fields = line.split(" ", 5)
    return len(fields) > 4 and fields[4].isdecimal()


def _example(identity: str, lines: list[str], counts: Counter[str]) -> EntityExample:
    """Read the lines of a sentence; a mark is resolved when all morphemes of its basic phrase are known."""
    tokens: list[Range] = []
    text = ""
    phrases: list[tuple[list[tuple[str, str]], int]] = []
    for line in lines:
        if PHRASE.match(line):
            phrases.append((list(_marks(line)) if line.startswith("+") else [], len(tokens)))
        else:
            surface = " " if line.startswith(SPACE) else line.split(" ", 1)[0]
            tokens.append((len(text), len(text) + len(surface)))
            text += surface
    stops = [begin for _, begin in phrases[1:]] + [len(tokens)]
    spans: list[Span] = []
    for (marks, begin), stop in zip(phrases, stops, strict=True):
        for kind, surface in marks:
            place = _place(text, surface.replace(ESCAPED, ">"), tokens, begin, stop)
            spans += [Span(*place, kind)] if place else []
            counts["entities not found"] += place is None
    kept = disjoint(spans)
    counts["overlapping entities"] += len(spans) - len(kept)
    return EntityExample(identity, text, tuple(kept), tuple(tokens))


def _marks(line: str) -> Iterator[tuple[str, str]]:
    """Yield type and surface of the marks of a basic phrase; in linear time, also where none of them ends."""
    place, last = 0, line.rfind(">")
    while 0 <= (start := line.find("<NE:", place)) < last:
        if found := MARK.match(line, start):
            yield found[1], found[2]
        place = found.end() if found else start + 1


def _place(text: str, surface: str, tokens: list[Range], begin: int, stop: int) -> Range | None:
    """Return the span of `surface` that ends with one of the morphemes `begin` to `stop`, the last of them that fits.

    An entity may be a part of a morpheme (英 of 英語); then it is the last place in these morphemes.
    """
    for _, end in reversed(tokens[begin:stop]):
        if text.endswith(surface, 0, end):
            return end - len(surface), end
    if begin == stop:
        return None
    place = text.rfind(surface, 0, tokens[stop - 1][1])
    return (place, place + len(surface)) if place + len(surface) > tokens[begin][0] and place >= 0 else None
