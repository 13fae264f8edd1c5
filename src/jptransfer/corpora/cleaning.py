"""Clean documents: normalise sentences and drop those that do not pass the filters."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import partial
from hashlib import blake2b

import numpy as np

from jptransfer.config import CleaningConfig
from jptransfer.registry import CLEANERS
from jptransfer.text.normalize import copy_key

RECORD = np.dtype([("digest", "<u8", (2,)), ("bytes", "<u4"), ("characters", "<u4"), ("sentences", "<u4")])
"""Record of a cleaned document: 128-bit digest shared by its copies (see `copy_key`), and its size (line ends count in
`bytes` only)."""

_LINE_END = re.compile("[\\n\\r\\v\\f\\x1c-\\x1e\\x85\\u2028\\u2029]+")
_KANA = re.compile("[\\u3041-\\u3096\\u309d-\\u309f\\u30a1-\\u30fa\\u30fc-\\u30ff\\u31f0-\\u31ff\\uff66-\\uff9f]")
_KANJI = re.compile("[々〆\\u3400-\\u4dbf\\u4e00-\\u9fff\\uf900-\\ufaff\\U00020000-\\U000323af]")


def digest(text: str) -> bytes:
    """Return a 16-byte digest of a text."""
    return blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).digest()


@dataclass
class CleanBatch:
    """Cleaned documents.

    Attributes:
        text: UTF-8; one sentence per line, a blank line after each document.
        records: one `RECORD` per document.
        read: number of input documents, sentences and characters.
        dropped: filter -> number of dropped sentences; `documents` counts documents without any sentence left.
    """

    text: bytes
    records: np.ndarray
    read: Counter[str] = field(default_factory=Counter)
    dropped: Counter[str] = field(default_factory=Counter)


class Cleaner:
    """Normalisation and filters of a corpus; the result for a sentence does not depend on its context.

    Args:
        config: steps and limits.
        excluded: digests of cleaned sentences that must not occur, see `copy_digest`.
    """

    def __init__(self, config: CleaningConfig, excluded: frozenset[bytes] = frozenset()) -> None:
        self.config, self.excluded = config, excluded
        self.steps = [_step(name, config) for name in config.steps]
        self._normal = _leaves_keys(config.steps)

    def normalise(self, sentence: str) -> str:
        """Apply the steps, then replace line ends and strip white space, so that a sentence is always one line."""
        for step in self.steps:
            sentence = step(sentence)
        return _LINE_END.sub(" ", sentence).strip()

    def rejects(self, sentence: str) -> str:
        """Return the name of the first filter that a normalised sentence does not pass, or an empty string.

        `replacement` means that the sentence contains U+FFFD (an earlier program could not decode it) or a lone
        surrogate.
        """
        limits = self.config
        if not sentence:
            return "empty"
        if len(sentence) < limits.min_chars:
            return "min_chars"
        if len(sentence) > limits.max_chars:
            return "max_chars"
        if "\ufffd" in sentence or not _encodable(sentence):
            return "replacement"
        if (limits.min_kana or limits.min_japanese) and (name := self._wrong_script(sentence)):
            return name
        return "excluded" if self.excluded and self.copy_digest([sentence]) in self.excluded else ""

    def copy_digest(self, sentences: Sequence[str]) -> bytes:
        """Return a 16-byte digest that is equal for copies: texts that agree after NFKC and white-space normalisation.
        """
        return digest("\n".join(one if self._normal else copy_key(one) for one in sentences) + "\n\n")

    def _wrong_script(self, sentence: str) -> str:
        length = len(sentence) - sentence.count(" ")
        kana = len(_KANA.findall(sentence))
        if kana < self.config.min_kana * length:
            return "min_kana"
        japanese = kana + len(_KANJI.findall(sentence)) if self.config.min_japanese else length
        return "min_japanese" if japanese < self.config.min_japanese * length else ""

    def batch(self, documents: Iterable[list[str]]) -> CleanBatch:
        """Clean documents; documents without any sentence left are dropped."""
        read: Counter[str] = Counter()
        dropped: Counter[str] = Counter()
        texts, records = [], []
        for document in documents:
            kept = []
            for sentence in map(self.normalise, document):
                if name := self.rejects(sentence):
                    dropped[name] += 1
                else:
                    kept.append(sentence)
            read.update(documents=1, sentences=len(document), characters=sum(map(len, document)))
            if not kept:
                dropped["documents"] += 1
                continue
            text = "\n".join(kept) + "\n\n"
            encoded = text.encode()
            texts.append(encoded)
            characters = len(text) - len(kept) - 1
            records.append((np.frombuffer(self.copy_digest(kept), "<u8"), len(encoded), characters, len(kept)))
        return CleanBatch(b"".join(texts), np.array(records, RECORD), read, dropped)


def _step(name: str, config: CleaningConfig) -> Callable[[str], str]:
    """Return a step as a function of a sentence; one with settings of its own is called with those of cleaning, too."""
    step: Callable[..., str] = CLEANERS.load(name)
    return partial(step, config=config) if CLEANERS.entries[name].settings else step


def _leaves_keys(steps: Sequence[str]) -> bool:
    """Return whether sentences equal their `copy_key` after these steps, so that it need not be computed."""
    last = [steps[::-1].index(name) if name in steps else len(steps) for name in ("nfkc", "whitespace", "control")]
    return max(last) < len(steps) and set(steps[len(steps) - max(last):]) <= {"nfkc", "whitespace", "control"}


def _encodable(sentence: str) -> bool:
    """Return whether a sentence has no lone surrogate (which JSON escapes can produce)."""
    try:
        sentence.encode()
    except UnicodeEncodeError:
        return False
    return True
