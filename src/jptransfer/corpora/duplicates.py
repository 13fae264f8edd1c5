"""Find repeated documents, exactly by digest or approximately by MinHash bands, with little memory per document.

Memory holds five bytes per document; keys and signatures are stored on disk. Documents with equal keys (half a digest,
or a band of a signature) are found in parts: keys are distributed to files by their upper bits, and each file is sorted
separately.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from mmap import MADV_DONTNEED, PROT_READ, mmap
from pathlib import Path

import numpy as np

from jptransfer.config import DeduplicationConfig
from jptransfer.corpora.minhash import MinHasher, choose_bands, similarity

PART = 1 << 18
"""Keys that are sorted at once."""
PAIRS = 1 << 13
"""Candidate pairs whose signatures are compared at once."""
MAPPED, LARGE_STEP = 1 << 24, 1 << 6
"""Size up to which a file stays fully mapped, and rows per read of larger files."""
_NUMBER_BITS = 20
Pair = tuple[np.ndarray, np.ndarray]


class Rows:
    """A table with `width` numbers per row in a file; it is not kept in memory."""

    def __init__(self, path: Path, dtype: type, width: int) -> None:
        self.path, self.dtype, self.width = path, np.dtype(dtype), width

    def __len__(self) -> int:
        return self.path.stat().st_size // (self.dtype.itemsize * self.width)

    @contextmanager
    def writing(self) -> Iterator[Callable[[np.ndarray], int]]:
        """Overwrite the file; the context is a function that appends rows."""
        with self.path.open("wb") as stream:
            yield lambda rows: stream.write(np.ascontiguousarray(rows, self.dtype).data)

    def pieces(self, size: int = 1 << 16) -> Iterator[np.ndarray]:
        """Yield all rows in order, `size` at a time."""
        with self.path.open("rb") as stream:
            while len(piece := np.fromfile(stream, self.dtype, size * self.width)):
                yield piece.reshape(-1, self.width)

    @contextmanager
    def reading(self) -> Iterator[Callable[[np.ndarray], np.ndarray]]:
        """Map the file, which must not be empty; the context is a function that returns rows by number.

        Pages of a large map are released often, because the kernel maps about 16 pages for every row that is read.
        """
        with self.path.open("rb") as stream:
            mapped = mmap(stream.fileno(), 0, prot=PROT_READ)
        table = np.frombuffer(mapped, self.dtype).reshape(-1, self.width)
        large = len(mapped) > MAPPED
        step = LARGE_STEP if large else len(table)

        def take(numbers: np.ndarray) -> np.ndarray:
            rows = np.empty((len(numbers), self.width), self.dtype)
            for start in range(0, len(numbers), step):
                table.take(numbers[start:start + step], axis=0, out=rows[start:start + step], mode="clip")
                if large:
                    mapped.madvise(MADV_DONTNEED)
            return rows

        yield take


class Components:
    """Groups of documents, merged by pairs; the root of a group is its first document."""

    def __init__(self, size: int) -> None:
        self.parent = np.arange(size, dtype=np.uint32 if size < 1 << 32 else np.uint64)

    def roots(self, documents: np.ndarray) -> np.ndarray:
        """Return the first document of each document's group."""
        roots = self.parent[documents]
        while not np.array_equal(above := self.parent[roots], roots):
            roots = above
        self.parent[documents] = roots
        return roots

    def join(self, left: np.ndarray, right: np.ndarray) -> None:
        """Unite the groups of each pair."""
        from scipy.sparse import coo_array
        from scipy.sparse.csgraph import connected_components

        if not len(left):
            return
        nodes, places = np.unique(np.concatenate([self.roots(left), self.roots(right)]), return_inverse=True)
        edges = places.reshape(2, -1)
        graph = coo_array((np.ones(edges.shape[1], np.int8), (edges[0], edges[1])), shape=(len(nodes), len(nodes)))
        _, labels = connected_components(graph, directed=False)
        _, first = np.unique(labels, return_index=True)
        self.parent[nodes] = nodes[first[labels]]

    def repeated(self) -> np.ndarray:
        """Return a boolean per document, True if it is not the first of its group."""
        return self.parent != np.arange(len(self.parent), dtype=self.parent.dtype)


def equal_keys(chunks: Iterable[np.ndarray], count: int, folder: Path) -> Iterator[Pair]:
    """Yield (documents, group) arrays of all documents whose 64-bit key occurs more than once, in parts.

    Within a part, documents of one key are adjacent and in ascending order; `group` numbers their keys.

    Args:
        chunks: keys of documents 0, 1, 2, … in pieces.
        count: number of keys.
        folder: folder for temporary files, used if there are too many keys to sort at once.
    """
    parts = -(-count // PART)
    if parts <= 1:
        keys = np.concatenate([*chunks, np.zeros(0, np.uint64)])
        yield _equal(keys, np.arange(len(keys), dtype=np.uint64))
        return
    files = _deal(chunks, parts, folder)
    for file in files:
        rows = np.fromfile(file, np.uint64).reshape(-1, 2)
        file.unlink()
        yield _equal(rows[:, 0], rows[:, 1])


def _deal(chunks: Iterable[np.ndarray], parts: int, folder: Path) -> list[Path]:
    """Write (key, document) rows to one file for each range of keys."""
    files = [folder / f"part-{number}" for number in range(parts)]
    start = 0
    with ExitStack() as stack:
        streams = [stack.enter_context(file.open("wb")) for file in files]
        for keys in chunks:
            rows = np.stack([keys, np.arange(start, start + len(keys), dtype=np.uint64)], axis=1)
            part = ((keys >> np.uint64(32)) * np.uint64(parts)) >> np.uint64(32)
            rows = rows[np.argsort(part, kind="stable")]
            ends = np.cumsum(np.bincount(part.astype(np.int64), minlength=parts))
            for stream, piece in zip(streams, np.split(rows, ends[:-1]), strict=True):
                stream.write(piece.tobytes())
            start += len(keys)
    return files


def _equal(keys: np.ndarray, documents: np.ndarray) -> Pair:
    """Return the documents (and their groups) whose key occurs more than once.

    Most keys occur once. The others are sorted as integers that pack the lower bits of the key above the row number,
    which is several times faster than sorting rows. Keys that agree in these bits only become additional candidates.
    """
    rows = _perhaps_again(keys)
    bits = max(_NUMBER_BITS, len(keys).bit_length())  # a very frequent key can make its part larger than PART
    number_bits = np.uint64(bits)
    packed = np.sort((keys[rows] << number_bits) | rows.astype(np.uint64))
    short = packed >> number_bits
    again = short[1:] == short[:-1]
    inside = np.zeros(len(packed), bool)
    inside[1:] |= again
    inside[:-1] |= again
    rows = (packed[inside] & np.uint64((1 << bits) - 1)).astype(np.int64)
    group = np.cumsum(np.concatenate([[True], ~again])[inside]) if len(packed) else np.zeros(0, np.int64)
    return documents[rows].astype(np.int64), group


def _perhaps_again(keys: np.ndarray) -> np.ndarray:
    """Return in ascending order the rows that share a hash slot: all rows with a repeated key, and a few others."""
    size = 1 << len(keys).bit_length() + 2
    slots = (keys & np.uint64(size - 1)).view(np.int64)
    numbers = np.arange(len(keys), dtype=np.uint32)
    last = np.empty(size, np.uint32)
    last[slots] = numbers
    shared = np.zeros(size, bool)
    shared[slots[last[slots] != numbers]] = True
    return np.flatnonzero(shared[slots])


def join_equal(components: Components, documents: np.ndarray, group: np.ndarray,
               same: Callable[[np.ndarray, np.ndarray], np.ndarray]) -> None:
    """Unite candidates of one key for which `same` is true: each with the first of its group, in rounds.

    Candidates that differ from the first are compared among themselves in the next round, and so on.
    """
    while len(documents):
        leader = np.concatenate([[True], group[1:] != group[:-1]])
        first = documents[np.flatnonzero(leader)[np.cumsum(leader) - 1]]
        unsure = np.flatnonzero(~leader & (components.roots(first) != components.roots(documents)))
        unlike = []
        for start in range(0, len(unsure), PAIRS):
            rows = unsure[start:start + PAIRS]
            equal = same(first[rows], documents[rows])
            components.join(first[rows[equal]], documents[rows[equal]])
            unlike.append(rows[~equal])
        remaining = np.concatenate([*unlike, np.zeros(0, np.int64)])
        documents, group = documents[remaining], group[remaining]


def exact_duplicates(digests: Iterable[np.ndarray], folder: Path) -> np.ndarray:
    """Return a boolean per document, True if an earlier one has the same 128-bit digest.

    Args:
        digests: pieces of rows (n, 2) uint64.
        folder: folder for temporary files.
    """
    rows = Rows(folder / "digests", np.uint64, 2)
    with rows.writing() as append:
        for piece in digests:
            append(piece)
    components = Components(len(rows))
    if len(rows):
        with rows.reading() as take:
            for found in equal_keys((piece[:, 0] for piece in rows.pieces()), len(rows), folder):
                join_equal(components, *found, lambda left, right: (take(left) == take(right)).all(axis=1))
    return components.repeated()


def near_duplicates(texts: Iterable[Sequence[str]], config: DeduplicationConfig, folder: Path) -> np.ndarray:
    """Return a boolean per text, True if it belongs to the group of an earlier one (Broder 1997, with banding).

    Two texts are united if they agree in a band and their estimated similarity is at least `config.threshold`.

    Args:
        texts: pieces of a few thousand texts.
        config: n-grams, permutations, bands and threshold.
        folder: folder for temporary files.
    """
    bands = config.bands or choose_bands(config.threshold, config.permutations)
    hasher = MinHasher(config.ngram, config.permutations, bands)
    signatures = Rows(folder / "signatures", np.uint16, config.permutations)
    keys = [Rows(folder / f"band-{band}", np.uint64, 1) for band in range(bands)]
    with ExitStack() as stack:
        append = [stack.enter_context(rows.writing()) for rows in (signatures, *keys)]
        for piece in texts:
            signed = hasher.signatures(piece)
            for write, rows in zip(append, (signed.astype(np.uint16), *hasher.band_keys(signed)), strict=True):
                write(rows)
    components = Components(len(signatures))
    if not len(signatures):
        return components.repeated()
    with signatures.reading() as take:
        for rows in keys:
            for found in equal_keys((piece[:, 0] for piece in rows.pieces()), len(rows), folder):
                join_equal(components, *found,
                           lambda left, right: similarity(take(left), take(right)) >= config.threshold)
            rows.path.unlink()
    return components.repeated()
