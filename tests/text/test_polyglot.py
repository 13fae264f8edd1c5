"""Polyglot's pickles: what Python's own reader makes of a good one, and nothing at all of a hostile one."""

import gzip
import os
import pickle
import struct
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jptransfer.errors import DataError
from jptransfer.text.polyglot import polyglot_rows
from jptransfer.text.vectors import read_vectors

from .conftest import refused

WORDS = ("<UNK>", "the", "猫", "New York", "")
VECTORS = np.arange(10, dtype=np.float32).reshape(5, 2) / 7


def written(tmp_path, value, protocol=2, name="v.pkl"):
    path = tmp_path / name
    path.write_bytes(pickle.dumps(value, protocol))
    return path


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
@pytest.mark.parametrize("words", [WORDS, list(WORDS)])
@pytest.mark.parametrize("vectors", [VECTORS, np.asfortranarray(VECTORS), VECTORS.astype(">f8"), VECTORS[::-1]])
def test_the_same_as_pythons_own_reader(tmp_path, protocol, words, vectors):
    path = written(tmp_path, (words, vectors), protocol)
    with path.open("rb") as stream:
        found, array = polyglot_rows(stream)
    expected, rows = pickle.loads(path.read_bytes())  # noqa: S301 our own
    assert found == list(expected) and array.dtype == np.float32
    np.testing.assert_array_equal(array, rows.astype(np.float32))


def python2(words, vectors) -> bytes:
    """What Python 2 with numpy 1 writes, byte by byte: text as unicode, bytes as strings."""
    def text(value):
        return b"X" + struct.pack("<I", len(value.encode())) + value.encode()

    short = b"".join([b"U", bytes([1]), b"b"])
    dtype = b"cnumpy\ndtype\nU\x02f4K\x00K\x01\x87R(K\x03U\x01<NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb"
    array = (b"cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\x00\x85" + short + b"\x87R(K\x01K" +
             bytes([len(vectors)]) + b"K" + bytes([vectors.shape[1]]) + b"\x86" + dtype + b"\x89T" +
             struct.pack("<I", vectors.nbytes) + vectors.tobytes() + b"tb")
    return b"\x80\x02(" + b"".join(map(text, words)) + b"t" + array + b"\x86."


HUGE = b"\x8a\x09" + bytes(8) + b"\x40"
"""2 ** 70 in a pickle."""


def state(shape: bytes) -> bytes:
    """What `python2` makes, with another shape."""
    return python2(WORDS, VECTORS).replace(b"K\x05K\x02\x86", b"(" + shape + b"t")


def test_what_python_2_wrote(tmp_path):
    content = python2(WORDS, VECTORS)
    assert pickle.loads(content, encoding="latin1")[0] == WORDS  # noqa: S301 our own
    path = tmp_path / "polyglot-ja.pkl.gz"
    path.write_bytes(gzip.compress(content))
    found = read_vectors(path, {"猫", "New York", "absent"})
    assert (found.width, found.words, found.duplicates) == (2, 5, 0)
    assert {word: vector.tolist() for word, vector in found.vectors.items()} == {
        "猫": VECTORS[2].tolist(), "New York": VECTORS[3].tolist()}


class Hostile:
    """Runs a command when Python's own reader reads it."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self):
        return os.system, (f"touch {self.mark}",)


@pytest.mark.parametrize("protocol", [2, 4, 5])
@pytest.mark.parametrize("place", [lambda bad: bad, lambda bad: (bad, VECTORS), lambda bad: (WORDS, bad),
                                   lambda bad: ([*WORDS, bad], VECTORS)])
def test_hostile_pickles_are_refused_with_one_line(tmp_path, protocol, place):
    mark = tmp_path / "executed"
    path = written(tmp_path, place(Hostile(mark)), protocol)
    with pytest.raises(DataError, match=r"v\.pkl: a pickle that names (posix|os)\.system") as caught:
        read_vectors(path, {"the"})
    assert "\n" not in str(caught.value) and not mark.exists()


@pytest.mark.parametrize(("content", "said"), [
    (b"\x80\x02.", "no readable pickle|damaged"),
    (b"\x80\x02(X\x01\x00\x00\x00a", "without an end|no readable"),
    (b"\x80\x02cbuiltins\neval\nX\x01\x00\x00\x001\x85R.", "names builtins.eval"),
    (b"\x80\x02cnumpy\ndtype.base\n.", "names numpy.dtype.base"),
    (b"\x80\x02(ios\nsystem\n.", "the step INST"),
    (b"\x80\x02\x8a\x01\x01Q.", "the step BINPERSID"),
    (b"\x80\x02}.", "the step EMPTY_DICT"),
    (b"\x80\x04\x8d" + struct.pack("<Q", 1 << 62) + b"a.", "no readable pickle"),
    (b"\x80\x02Nr\xff\xff\xff\x7f0.", "the step POP"),
    (pickle.dumps(WORDS), "other things than words"),
    (pickle.dumps((WORDS, VECTORS[:3])), r"5 words, but an array .* \(3, 2\)"),
    (pickle.dumps((WORDS, VECTORS.astype(int))), "something else than floating-point"),
    (pickle.dumps((WORDS, np.array([None] * 5))), "other things than words"),
    (pickle.dumps((range(5), VECTORS)), "names builtins.range"),
    (pickle.dumps(([1, 2, 3, 4, 5], VECTORS)), "other things than words"),
    (python2(WORDS, VECTORS).replace(b"K\x05K\x02\x86", b"K\x05K\x03\x86"), "10 numbers for an array of the shape"),
    *((state(shape), "10 numbers for an array of another shape") for shape in (
        HUGE + b"K\x00", b"K\x00" + HUGE, b"K\x05K\x02" + b"K\x01" * 98, b"K\x05J\xff\xff\xff\xff")),
    (python2(WORDS, VECTORS).replace(b"U\x01<", b"U\x02<>"), "something else than floating-point"),
    (python2(WORDS, VECTORS).replace(b"T(\0\0\0\0", b"T'\0\0\0"), "39 bytes for an array of numbers of 4"),
    (pickle.dumps((("a",), np.float32([[np.nan]]))), "vector 0: a number is not finite"),
    (pickle.dumps(((), VECTORS[:0])), "there are no word vectors"),
])
def test_other_pickles_are_one_clear_line(tmp_path, content, said):
    refused(tmp_path / "v", content, said, {"a"})


@settings(max_examples=150)
@given(st.data())
def test_any_damage_gives_vectors_or_a_data_error(tmp_path_factory, data):
    content = bytearray(pickle.dumps((WORDS, VECTORS), data.draw(st.sampled_from([2, 4, 5]))))
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(1, len(content) - 1))] = data.draw(st.integers(0, 255))
    path = tmp_path_factory.mktemp("damaged") / "v"
    path.write_bytes(bytes(content[:data.draw(st.integers(1, len(content)))]))
    try:
        found = read_vectors(path, {"the", "猫"})
    except DataError:
        return
    assert found.words
