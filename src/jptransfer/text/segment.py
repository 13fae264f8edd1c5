"""Words by MeCab or by white space and punctuation, with character spans into the text they were cut from."""

from __future__ import annotations

import csv
import importlib.util
import mmap
import re
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from jptransfer.errors import ConfigError, nearest
from jptransfer.text.alignment import replace_surrogates
from jptransfer.text.memo import MEMO_WORDS, Memo

PACKAGES = {"unidic-lite": "unidic_lite", "ipadic": "ipadic", "unidic": "unidic"}
"""Dictionaries that come as Python packages: our name -> module with `DICDIR` (also transformers' name)."""

FILES = ("dicrc", "sys.dic", "matrix.bin", "char.bin", "unk.dic")
"""What a compiled MeCab dictionary consists of."""

# MeCab counts the bytes of a word together with the white space before it in 16 bits, and its lattice takes some
# kilobytes a character; a UTF-8 character has up to 4 bytes.
MAX_CHARACTERS = 16_000
_BREAKS = (re.compile(r"[\n\r]"), re.compile(r"[。！？!?]"), re.compile(r"\s"))

READING_FIELDS = {26: 17, 29: 20, 9: 7}
"""Number of a known word's features -> place of its kana: unidic 2 (lite) and 3 (not how it sounds), ipadic."""
PREDICATES = frozenset({"動詞", "形容詞", "助動詞"})
"""Parts of speech that endings attach to."""
ENDINGS = frozenset({"て", "で", "ば", "ちゃ", "じゃ", "たり", "だり"})
"""Conjunctive particles that are part of a verb's form rather than a link between clauses."""


class Word(NamedTuple):
    """A word's half-open character span and its reading in kana (None: the dictionary has none)."""

    start: int
    end: int
    reading: str | None


class _Morpheme(NamedTuple):
    """What is kept of a line of MeCab's output: whether it is a predicate, whether it attaches to one before it."""

    surface: str
    reading: str | None
    predicate: bool
    attaches: bool


class Segmenter(Protocol):
    """Cuts text into words; words never contain white space."""

    def spaced(self, text: str) -> str:
        """Return the words of `text` with white space between them (the fast path); split() gives the words."""

    def spans(self, text: str) -> list[tuple[int, int]]:
        """Return the words' half-open character spans in `text`."""


def segmenter(name: str, dictionary: str, join_auxiliaries: bool = False) -> Segmenter:
    """Return the segmenter of a name: mecab (on `dictionary`), whitespace, or punctuation."""
    return MecabSegmenter(dictionary, join_auxiliaries) if name == "mecab" else PatternSegmenter(_PATTERNS[name])


_PATTERNS = {"whitespace": re.compile(r"\S+"), "punctuation": re.compile(r"\w+|[^\w\s]")}


class PatternSegmenter:
    """Words are what a regular expression finds, for languages that write spaces between them."""

    def __init__(self, pattern: re.Pattern[str]) -> None:
        self.pattern = pattern

    def spaced(self, text: str) -> str:
        """Return the words of `text` with white space between them; a lone surrogate comes out as U+FFFD."""
        return " ".join(self.pattern.findall(replace_surrogates(text)))

    def spans(self, text: str) -> list[tuple[int, int]]:
        """Return the words' half-open character spans in `text`."""
        return [found.span() for found in self.pattern.finditer(text)]


class MecabSegmenter:
    """Cuts text into words; words never contain white space. MeCab is loaded when text is first cut.

    With `join_auxiliaries` auxiliaries and verb endings are one word with the verb or adjective they follow: 流して
    rather than 流し|て.
    """

    def __init__(self, dictionary: str = "unidic-lite", join_auxiliaries: bool = False) -> None:
        self.dictionary = dictionary
        self.join_auxiliaries = join_auxiliaries

    def spaced(self, text: str) -> str:
        """Return the words of `text` with white space between them (the fast path); split() gives the words.

        A lone surrogate, which has no UTF-8 form, comes out as U+FFFD.
        """
        if self.join_auxiliaries:
            text = replace_surrogates(text)
            return " ".join(text[start:end] for start, end, _ in self.words(text))
        text = text.replace("\0", " ")  # MeCab would take NUL for the end of the text
        try:
            if len(text) <= MAX_CHARACTERS:
                return self._wakati(text)
            return " ".join(map(self._wakati, _chunks(text)))
        except UnicodeEncodeError:
            return self.spaced(replace_surrogates(text))

    def words(self, text: str) -> list[Word]:
        """Return the words with their readings: slower than `spans`, whose words they are."""
        text = replace_surrogates(text)
        found: list[Word] = []
        open_end = -1  # where a predicate ends that an ending may attach to
        end = 0
        for morpheme in self._morphemes(text.replace("\0", " ")):
            start = text.index(morpheme.surface, end)
            end = start + len(morpheme.surface)
            if self.join_auxiliaries and morpheme.attaches and start == open_end:
                before = found.pop()
                found.append(Word(before.start, end, _joined(text, before, morpheme)))
            else:
                found.append(Word(start, end, morpheme.reading))
            attached = found[-1].start < start
            open_end = end if morpheme.predicate or attached else -1
        return found

    def _morphemes(self, text: str) -> Iterator[_Morpheme]:
        """Yield what MeCab finds; a morpheme with white space inside is several without reading, as in `spaced`."""
        for chunk in _chunks(text):
            for line in self._lines(chunk).split("\n"):
                morpheme = self._memo[line]
                if morpheme.surface.split() == [morpheme.surface]:
                    yield morpheme
                else:
                    yield from (_Morpheme(surface, None, False, False) for surface in morpheme.surface.split())

    def spans(self, text: str) -> list[tuple[int, int]]:
        """Return the words' half-open character spans in `text`."""
        text = replace_surrogates(text)
        if self.join_auxiliaries:
            return [(start, end) for start, end, _ in self.words(text)]
        spans = []
        end = 0
        for surface in self.spaced(text).split():
            start = text.index(surface, end)
            end = start + len(surface)
            spans.append((start, end))
        return spans

    @cached_property
    def _wakati(self) -> Any:
        return open_mecab(self.dictionary, "-Owakati").parse

    @cached_property
    def _lines(self) -> Any:
        formats = " ".join(f"--{kind}-format='%m\\t%H\\n'" for kind in ("node", "unk"))
        return open_mecab(self.dictionary, f"-O '' {formats} --eos-format=''").parse

    @cached_property
    def _memo(self) -> Memo[_Morpheme]:
        return Memo(_morpheme, MEMO_WORDS, longest=400)

    def __getstate__(self) -> dict[str, Any]:
        return {"dictionary": self.dictionary, "join_auxiliaries": self.join_auxiliaries}


def _morpheme(line: str) -> _Morpheme:
    """Read a line of a surface, a tab, and features in CSV."""
    surface, _, listed = line.rpartition("\t")
    features = next(csv.reader([listed]), []) or [""]
    field = READING_FIELDS.get(len(features))
    reading = features[field] if field is not None else ""
    kinds = tuple(features[:2])
    ending = kinds == ("助詞", "接続助詞") and surface in ENDINGS
    attaches = ending or features[0] == "助動詞" or kinds == ("動詞", "接尾")
    return _Morpheme(surface, reading if reading not in ("", "*") else None, features[0] in PREDICATES, attaches)


def _joined(text: str, before: Word, morpheme: _Morpheme) -> str:
    """Reading of a word and of what attaches to it; what has none is read as it is written."""
    return (before.reading or text[before.start:before.end]) + (morpheme.reading or morpheme.surface)


def open_mecab(dictionary: str, options: str = "") -> Any:
    """Return fugashi's GenericTagger on a dictionary (see `dictionary_folder`).

    Raises:
        ConfigError: there is no such dictionary, or MeCab cannot load it.
        OSError: its files cannot be mapped into memory.
    """
    import fugashi

    folder = dictionary_folder(dictionary)
    try:
        return fugashi.GenericTagger(f"{mecab_options(folder)} {options}")
    except RuntimeError as error:
        _map(folder)
        reason = [line for line in str(error).splitlines() if line.strip(" -")][-1]
        raise ConfigError(f"MeCab cannot load the dictionary in {folder}: {reason}") from error


def _map(folder: Path) -> None:
    """Map a dictionary's files as MeCab does, which calls them missing where memory or file handles have run out.

    Raises:
        OSError: with the true reason.
    """
    with ExitStack() as mapped:
        for name in FILES[1:]:
            stream = mapped.enter_context((folder / name).open("rb"))
            with suppress(ValueError):  # an empty file: MeCab's own message says it better
                mapped.enter_context(mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ))


def mecab_options(folder: Path) -> str:
    """Return MeCab's command line for the dictionary in `folder`; without a mecabrc of its own it gets an empty one."""
    mecabrc = folder / "mecabrc"
    return f'-d "{folder}" -r "{mecabrc if mecabrc.is_file() else "/dev/null"}"'


def dictionary_folder(dictionary: str) -> Path:
    """Return the folder of a dictionary given by package name or path.

    Raises:
        ConfigError: the package is not installed, the folder is missing or holds no compiled MeCab dictionary.
    """
    if dictionary in PACKAGES:
        return _checked(_package_folder(dictionary), dictionary)
    folder = Path(dictionary).expanduser()
    if folder.is_dir():
        return _checked(folder, dictionary)
    if "/" not in dictionary:
        raise ConfigError(f"unknown MeCab dictionary '{dictionary}'{nearest(dictionary, PACKAGES)}; there are: "
                          f"{', '.join(PACKAGES)}, or give the path of a compiled dictionary")
    siblings = [path.name for path in folder.parent.iterdir()] if folder.parent.is_dir() else []
    raise ConfigError(f"MeCab dictionary {dictionary} does not exist{nearest(folder.name, siblings)}")


def _package_folder(dictionary: str) -> Path:
    try:
        return Path(importlib.import_module(PACKAGES[dictionary]).DICDIR)
    except ImportError as error:
        others = [name for name, module in PACKAGES.items() if importlib.util.find_spec(module)]
        raise ConfigError(f"MeCab dictionary '{dictionary}' is not installed: pip install {dictionary}; "
                          f"installed: {', '.join(others) or 'none'}") from error


def _checked(folder: Path, dictionary: str) -> Path:
    missing = [name for name in FILES if not (folder / name).is_file()]
    if len(missing) == len(FILES) and dictionary == "unidic":
        raise ConfigError("dictionary=unidic: the package has no dictionary yet: python -m unidic download")
    if missing:
        raise ConfigError(f"{folder} is not a compiled MeCab dictionary: no {', '.join(missing)}")
    return folder


def _chunks(text: str) -> Iterator[str]:
    """Cut overlong text, by preference after a line, a sentence or white space in the second half of a chunk."""
    start = 0
    while start < len(text):
        end = start + MAX_CHARACTERS
        if end < len(text):
            end = _last_break(text, start + MAX_CHARACTERS // 2, end)
        yield text[start:end]
        start = end


def _last_break(text: str, low: int, high: int) -> int:
    for pattern in _BREAKS:
        if found := list(pattern.finditer(text, low, high)):
            return found[-1].end()
    return high
