"""Encoded corpora on disk: token ids and their boundaries as memory maps. Needs numpy alone."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from jptransfer.errors import DataError, unknown

ARRAYS = ("ids", "word_starts", "sentences", "documents")
DESCRIPTION = "encoded.json"


@dataclass(frozen=True)
class EncodedSplit:
    """One split of an encoded corpus, memory-mapped read-only (docs/FORMATS.md, `encoded`).

    Attributes:
        ids: (tokens,) uint16 or uint32 token ids, without special tokens.
        word_starts: (tokens,) uint8, 1 where a piece starts a word.
        sentences: (sentences + 1,) int64 token offsets; sentence i is ``ids[sentences[i]:sentences[i + 1]]``.
        documents: (documents + 1,) int64 sentence offsets; document i is the sentences from
            ``documents[i]`` to ``documents[i + 1]``.
        vocab_size: number of ids of the tokenizer that made them.
        characters: number of characters, if the corpus tells.
    """

    ids: np.ndarray
    word_starts: np.ndarray
    sentences: np.ndarray
    documents: np.ndarray
    vocab_size: int
    characters: int | None = None

    @property
    def n_tokens(self) -> int:
        """Number of tokens."""
        return len(self.ids)

    @property
    def n_sentences(self) -> int:
        """Number of sentences."""
        return len(self.sentences) - 1

    @property
    def n_documents(self) -> int:
        """Number of documents."""
        return len(self.documents) - 1


def id_dtype(vocab_size: int) -> np.dtype:
    """Return the narrowest stored type that holds ids below `vocab_size`: uint16 up to 65,536, else uint32."""
    return np.dtype(np.uint16 if vocab_size <= 1 << 16 else np.uint32)


def array_path(folder: Path, split: str, name: str) -> Path:
    """Return the file of one of the `ARRAYS` of a split."""
    return folder / f"{split}.{name}.npy"


def describe_encoded(folder: Path) -> dict:
    """Return ``encoded.json``: vocab_size and the counts of every split; `DataError` if it is not an encoded corpus."""
    try:
        return json.loads((folder / DESCRIPTION).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise DataError(f"{folder} is not an encoded corpus: no readable {DESCRIPTION}") from error


def load_encoded(folder: Path, split: str) -> EncodedSplit:
    """Open one split; nothing is read before it is used.

    Raises:
        DataError: the folder is not an encoded corpus or has no such split.
    """
    description = describe_encoded(folder)
    if split not in description["splits"]:
        raise DataError(f"{folder}: " + unknown("split", split, description["splits"]))
    arrays = {name: _open(array_path(folder, split, name)) for name in ARRAYS}
    characters = description["splits"][split].get("characters")
    return EncodedSplit(**arrays, vocab_size=description["vocab_size"], characters=characters)


def _open(path: Path) -> np.ndarray:
    try:
        return np.load(path, mmap_mode="r", allow_pickle=False)
    except FileNotFoundError as error:
        raise DataError(f"{path} is missing") from error
    except ValueError:  # an empty array cannot be mapped
        return np.load(path, allow_pickle=False)
