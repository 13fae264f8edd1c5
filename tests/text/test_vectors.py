import bz2
import gzip
import lzma
import struct

import numpy as np
import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from jptransfer.errors import DataError
from jptransfer.text.vectors import read_vectors

from .conftest import refused

WORDS = st.text(st.characters(codec="utf-8", exclude_characters="\0\n\r", exclude_categories=("Cs",)), min_size=1,
                max_size=8).filter(lambda word: word == word.strip(" ") and not word.startswith("\ufeff"))
PLAIN = WORDS.filter(lambda word: " " not in word)
NUMBERS = st.floats(width=32, allow_nan=False, allow_infinity=False)


def row(word, vector, sign=repr):
    return " ".join([word, *(sign(float(number)) for number in vector)])


@st.composite
def tables(draw, words):
    width = draw(st.integers(1, 4))
    rows = draw(st.lists(st.tuples(words, st.lists(NUMBERS, min_size=width, max_size=width)), min_size=1, max_size=8))
    return width, rows


def first_of(rows, wanted):
    kept = {}
    for word, vector in rows:
        if word in wanted:
            kept.setdefault(word, np.float32(vector).tolist())
    return kept


@settings(max_examples=40)
@given(tables(PLAIN.filter(lambda word: not word[0].isdigit())), st.data(), st.sampled_from(["\n", "\r\n", " \n"]),
       st.booleans())
def test_what_was_written_is_read(tmp_path_factory, table, data, end, header):
    width, rows = table
    wanted = set(data.draw(st.lists(st.sampled_from([word for word, _ in rows]))))
    path = tmp_path_factory.mktemp("vectors") / "v.vec"
    lines = ([f"{len(rows)} {width}"] if header else []) + [row(*one) for one in rows]
    path.write_bytes("".join(line + end for line in lines).encode())
    found = read_vectors(path, wanted)
    assert {word: vector.tolist() for word, vector in found.vectors.items()} == first_of(rows, wanted)
    assert (found.width, found.words) == (width, len(rows))
    assert found.duplicates == sum(word in wanted for word, _ in rows) - len(found.vectors)


@pytest.mark.parametrize("word", ["at name", ". . .", " ", "New York City", "Windows 95", "　", "a\u2028b", "\xa0"])
def test_words_with_spaces(tmp_path, word):
    path = tmp_path / "v.txt"
    path.write_text(f"the 1.5 -2e-1\n{word} 3.0 .25\n", encoding="utf-8", newline="")
    assert read_vectors(path, {word}).vectors[word].tolist() == [3.0, 0.25]


@pytest.mark.parametrize(("suffix", "pack"), [("gz", gzip.compress), ("bz2", bz2.compress), ("xz", lzma.compress),
                                              ("zst", zstandard.ZstdCompressor().compress)])
def test_compressed_files_and_damaged_ones(tmp_path, suffix, pack):
    path = tmp_path / f"v.vec.{suffix}"
    packed = pack("2 2\n猫 1 2\n犬 3 4\n".encode())
    path.write_bytes(packed)
    assert read_vectors(path, {"犬"}).vectors["犬"].tolist() == [3.0, 4.0]
    path.write_bytes(packed[:-6])
    with pytest.raises(DataError, match=r"v\.vec\.\w+: missing, damaged"):
        read_vectors(path, {"犬"})


@pytest.mark.parametrize(("content", "said"), [
    (b"", "there are no word vectors"),
    (b"0 3\n", "there are no word vectors"),
    (b"\n", "there are no word vectors"),
    ("猫\n".encode(), ":1: no word with numbers after it, separated by spaces"),
    ("猫 1 2\n犬 1\n".encode(), ":2: 1 numbers after the word, but the first line tells of 2"),
    ("猫 1 2\n犬 1.0 2.0 3.0\n".encode(), ":2: 3 numbers after the word, but the first line tells of 2"),
    ("猫 1 2\n\n".encode(), ":2: 0 numbers"),
    ("猫 1 2\n犬 1 x\n".encode(), ":2: 'x' is not a number"),
    ("猫 1 2\n犬 1 2_0\n".encode(), ":2: '2_0' is not a number"),
    ("猫 1 2\n犬 nan 1\n".encode(), ":2: a number is not finite"),
    ("猫 1 2\n犬 1 -inf\n".encode(), ":2: a number is not finite"),
    ("猫 1 2\n犬 1 1e39\n".encode(), ":2: a number is not finite"),
    ("猫 1 2\n 3 4\n".encode(), ":2: there is no word"),
    ("猫 1 2\n".encode() + b"\xff\xfe 3 4\n", ":2: the word is not UTF-8"),
    ("3 2\n猫 1 2\n犬 3 4\n".encode(), "speaks of 3 words, but there are 2"),
    ("1 2\n猫 1 2\n犬 3 4\n".encode(), "speaks of 1 words, but there are 2"),
    (b"9" * 5000 + b" 300\n" + "猫 1.0 2.0\n".encode(), ":2: 2 numbers after the word"),
    (b"3 " + b"9" * 5000 + b"\n", ":1: a number is not finite"),
    ("3 2\n猫 1\n".encode(), ":2: 1 numbers after the word, but the first line tells of 2"),
    (struct.pack("<ii", 793712314, 12) + bytes(40), "neither vectors of word2vec"),
    (b"\x93NUMPY\x01\x00v\x00{'descr': '<f4'}", "neither vectors of word2vec"),
    (b"x" * (1 << 20), ":1: a line of more than 1048576 bytes"),
])
def test_corrupt_files_are_one_clear_line(tmp_path, content, said):
    refused(tmp_path / "v.txt", content, said, {"犬"})


def binary(rows, promised=None, end=b"\n", width=None):
    """A file as word2vec's C code writes it with -binary 1 (`end` is nothing where gensim has written it)."""
    head = f"{len(rows) if promised is None else promised} {width or len(rows[0][1])}\n".encode()
    packed = (word.encode() + b" " + struct.pack(f"<{len(vector)}f", *vector) for word, vector in rows)
    return head + b"".join(row + end for row in packed)


@settings(max_examples=40)
@given(tables(PLAIN), st.data(), st.sampled_from([b"\n", b""]), st.sampled_from([1, 7, 1 << 18]))
def test_binary_files_give_the_same_numbers(tmp_path_factory, table, data, end, chunk):
    width, rows = table
    wanted = set(data.draw(st.lists(st.sampled_from([word for word, _ in rows]))))
    path = tmp_path_factory.mktemp("vectors") / "v.bin"
    rows = [("\x01", [0.0] * width), *rows]  # a NUL in the first row: what numbers look like by chance decides nothing
    path.write_bytes(binary(rows, end=end))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("jptransfer.text.vectors.CHUNK", chunk)
        found = read_vectors(path, wanted)
    assert {word: vector.tolist() for word, vector in found.vectors.items()} == first_of(rows, wanted)
    assert (found.width, found.words) == (width, len(rows))


ANIMALS = [("猫", [1.5, -2.25, 3e-5]), ("犬", [0.1, 0.2, 0.3]), ("鳥", [4.0, 5.0, 6.0])]


@pytest.mark.parametrize(("content", "said"), [
    (binary(ANIMALS)[:-3], "vector 3 of 3: the file ends before it is complete"),
    (binary(ANIMALS)[:18], "vector 1 of 3: the file ends before it is complete"),
    (binary(ANIMALS, promised=4), "vector 4 of 4: the file ends before it is complete"),
    (binary(ANIMALS, promised=2), "speaks of 2 words with 3 numbers each, but there is more"),
    (binary(ANIMALS, width=2), "vector 2 of 3: .*; is the file whole, and its first line true"),
    (binary(ANIMALS, width=1 << 28), ":1: vectors of 268435456 numbers"),
    (binary([ANIMALS[0], ("犬", [float("nan")] * 3)]), "vector 2 of 2: a number is not finite"),
    (binary([ANIMALS[0], ("", [1.0] * 3)]), "vector 2 of 2: there is no word"),
])
def test_damaged_binary_files_are_one_clear_line(tmp_path, content, said):
    refused(tmp_path / "v.bin", content, said, {"犬"})


def test_a_missing_file_is_one_clear_line(tmp_path):
    with pytest.raises(DataError, match="No such file"):
        read_vectors(tmp_path / "none.vec", {"犬"})


@settings(max_examples=60)
@given(st.binary(max_size=60))
def test_any_bytes_give_vectors_or_a_data_error(tmp_path_factory, content):
    path = tmp_path_factory.mktemp("any") / "v"
    path.write_bytes(content)
    try:
        found = read_vectors(path, {"a", "1"})
    except DataError:
        return
    assert found.words and all(np.isfinite(vector).all() for vector in found.vectors.values())
