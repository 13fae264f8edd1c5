"""The stages tokenize and encode, and the files between them and training."""

import hashlib
import json
import shutil
import subprocess
import sys
import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jptransfer.config import EncodingConfig, RuntimeConfig, TokenizerConfig
from jptransfer.errors import DataError
from jptransfer.pipeline.stage import WORK
from jptransfer.runtime import Runtime
from jptransfer.stages import encode as encode_stage
from jptransfer.stages import tokenize as tokenize_stage
from jptransfer.stages.encode import EncodeStage
from jptransfer.stages.tokenize import TokenizeStage
from jptransfer.text import encode as encoding
from jptransfer.text.encode import divide, line_ranges
from jptransfer.text.encoded import load_encoded
from jptransfer.text.memo import Memo
from jptransfer.text.tokenizers import load_tokenizer
from jptransfer.text.types import IdBlock

pytestmark = pytest.mark.slow


def write_corpus(folder, documents, split="train"):
    folder.mkdir(exist_ok=True)
    text = "".join("".join(f"{sentence}\n" for sentence in document) + "\n" for document in documents)
    (folder / f"{split}.txt").write_text(text, encoding="utf-8")


@pytest.fixture(scope="module")
def documents(sentences):
    return [sentences[start:start + 1 + start % 5] for start in range(0, 600, 7)]


@pytest.fixture(scope="module")
def corpus(documents, tmp_path_factory):
    folder = tmp_path_factory.mktemp("corpus")
    write_corpus(folder, documents[:60])
    write_corpus(folder, documents[60:], "validation")
    return folder


@pytest.fixture(scope="module")
def tokenizer_folder(corpus, tmp_path_factory):
    out = tmp_path_factory.mktemp("tokenizer")
    summary = tokenize_stage.run(TokenizeStage(TokenizerConfig(vocab_size=300)), {"corpus": corpus}, out, Runtime())
    assert summary.values["vocab_size"] == 300
    return out


def run_encode(corpus, tokenizer, out, workers=1, limit=2000):
    out.mkdir(exist_ok=True)
    config = EncodeStage(EncodingConfig(max_sentence_tokens=limit))
    runtime = Runtime(RuntimeConfig(workers=workers))
    return encode_stage.run(config, {"corpus": corpus, "tokenizer": tokenizer}, out, runtime)


def digests(folder):
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.iterdir() if path.is_file()}


def test_the_ids_are_the_tokenizers_and_the_borders_the_texts(corpus, tokenizer_folder, documents, tmp_path):
    summary = run_encode(corpus, tokenizer_folder, tmp_path / "out")
    tokenizer = load_tokenizer(tokenizer_folder)
    for split, expected in (("train", documents[:60]), ("validation", documents[60:])):
        found = load_encoded(tmp_path / "out", split)
        assert found.n_documents == len(expected)
        for number, document in enumerate(expected):
            low, high = found.documents[number], found.documents[number + 1]
            assert high - low == len(document)
            for place, sentence in zip(range(low, high), document, strict=True):
                pieces = tokenizer.encode(sentence)
                start, end = found.sentences[place], found.sentences[place + 1]
                assert found.ids[start:end].tolist() == pieces.ids
                changes = np.diff(pieces.words, prepend=-1) > 0
                assert found.word_starts[start:end].tolist() == changes.tolist()
        counts = summary.values["splits"][split]
        assert counts["tokens"] == found.n_tokens
        assert counts["sentences"] == found.n_sentences
        assert counts["characters"] == sum(len(sentence) for document in expected for sentence in document)
        assert counts["unknown"] == int((found.ids == tokenizer.unk_id).sum())
    assert json.loads((tmp_path / "out/encoded.json").read_text()) == summary.values


def test_the_files_are_as_documented(corpus, tokenizer_folder, tmp_path):
    run_encode(corpus, tokenizer_folder, tmp_path)
    found = load_encoded(tmp_path, "train")
    assert isinstance(found.ids, np.memmap)
    types = [array.dtype for array in (found.ids, found.word_starts, found.sentences, found.documents)]
    assert types == [np.uint16, np.uint8, np.int64, np.int64]
    assert found.vocab_size == 300
    assert encoding.id_dtype(65_536) == np.uint16
    assert encoding.id_dtype(65_537) == np.uint32


def test_the_number_of_workers_and_the_size_of_ranges_change_nothing(corpus, tokenizer_folder, tmp_path, monkeypatch):
    run_encode(corpus, tokenizer_folder, tmp_path / "one")
    monkeypatch.setattr(encoding, "range_size", lambda length: 2000)
    run_encode(corpus, tokenizer_folder, tmp_path / "small")
    assert len(list((tmp_path / "small" / WORK).glob("train*.json"))) > 5
    run_encode(corpus, tokenizer_folder, tmp_path / "two", workers=2)
    assert digests(tmp_path / "one") == digests(tmp_path / "small") == digests(tmp_path / "two")


def test_an_interrupted_encoding_goes_on_where_it_was(corpus, tokenizer_folder, tmp_path, monkeypatch):
    monkeypatch.setattr(encoding, "range_size", lambda length: 2000)
    run_encode(corpus, tokenizer_folder, tmp_path / "whole")
    shutil.copytree(tmp_path / "whole" / WORK, tmp_path / "again" / WORK)
    ranges = sorted((tmp_path / "again" / WORK).glob("train*.json"))
    ranges[2].unlink()  # killed in the middle of a range: half of its file is there
    half = ranges[2].with_suffix(".ids")
    half.write_bytes(half.read_bytes()[:10])
    encoded = []
    real = encoding._blocks
    monkeypatch.setattr(encoding, "_blocks", lambda job: (encoded.append(job.stem.name), real(job))[1])
    run_encode(corpus, tokenizer_folder, tmp_path / "again")
    assert encoded == [ranges[2].stem]
    assert digests(tmp_path / "again") == digests(tmp_path / "whole")


@settings(max_examples=60, deadline=None)
@given(st.lists(st.text("ab\nあ", max_size=8), max_size=20), st.integers(1, 40))
def test_ranges_cover_the_file_and_end_with_lines(tmp_path_factory, parts, size):
    path = tmp_path_factory.getbasetemp() / "ranges.txt"
    path.write_text("".join(parts), encoding="utf-8")
    data = path.read_bytes()
    ranges = line_ranges(path, size)
    assert b"".join(data[start:end] for start, end in ranges) == data
    assert all(data[:end].endswith(b"\n") or end == len(data) for _, end in ranges)
    assert all(start < end for start, end in ranges)


def test_a_large_file_is_divided_among_all_workers_a_small_one_is_not():
    assert encoding.range_size(1000) == encoding.range_size(1_000_000) == 1 << 18
    assert 64_000_000 / 33 < encoding.range_size(64_000_000) <= 64_000_000 / 32
    assert encoding.range_size(10**12) == 4 << 20


def test_what_an_interrupted_call_left_of_other_ranges_is_not_used(corpus, tokenizer_folder, tmp_path, monkeypatch):
    run_encode(corpus, tokenizer_folder, tmp_path / "whole")
    monkeypatch.setattr(encoding, "range_size", lambda length: 2000)
    run_encode(corpus, tokenizer_folder, tmp_path / "again")
    monkeypatch.undo()
    run_encode(corpus, tokenizer_folder, tmp_path / "again")
    assert digests(tmp_path / "again") == digests(tmp_path / "whole")


def test_documents_are_joined_across_ranges(tokenizer_folder, tmp_path, monkeypatch):
    write_corpus(tmp_path / "corpus", [["東京"], ["　"], ["です", "雨"], ["大阪"]])
    run_encode(tmp_path / "corpus", tokenizer_folder, tmp_path / "whole")
    monkeypatch.setattr(encoding, "range_size", lambda length: 1)
    run_encode(tmp_path / "corpus", tokenizer_folder, tmp_path / "lines")
    assert np.diff(load_encoded(tmp_path / "lines", "train").documents).tolist() == [1, 2, 1]
    assert digests(tmp_path / "lines") == digests(tmp_path / "whole")


@pytest.mark.parametrize(("text", "sizes"), [
    ("", []), ("\n\n\n", []), ("あ\n", [1]), ("あ", [1]), ("\n\nあ\nい\n\n\n\nう\n\n", [2, 1]), ("あ\n\nい", [1, 1]),
])
def test_blank_lines_and_missing_ends(tokenizer_folder, tmp_path, text, sizes):
    corpus = tmp_path / "corpus"
    corpus.mkdir()
    (corpus / "train.txt").write_text(text, encoding="utf-8")
    run_encode(corpus, tokenizer_folder, tmp_path / "out")
    found = load_encoded(tmp_path / "out", "train")
    assert np.diff(found.documents).tolist() == sizes
    assert found.n_sentences == sum(sizes)


def test_sentences_without_tokens_disappear_with_their_documents(tokenizer_folder, tmp_path):
    write_corpus(tmp_path / "corpus", [["　", "東京"], ["　"], ["です"]])
    run_encode(tmp_path / "corpus", tokenizer_folder, tmp_path / "out")
    found = load_encoded(tmp_path / "out", "train")
    assert np.diff(found.documents).tolist() == [1, 1]


def test_long_sentences_are_divided_at_words(tokenizer_folder, tmp_path, sentences):
    text = "".join(sentences[:30]).replace(" ", "")
    write_corpus(tmp_path / "corpus", [[text]])
    run_encode(tmp_path / "corpus", tokenizer_folder, tmp_path / "out", limit=20)
    found = load_encoded(tmp_path / "out", "train")
    lengths = np.diff(found.sentences)
    assert found.n_documents == 1
    assert lengths.max() <= 20
    assert found.ids[:].tolist() == load_tokenizer(tokenizer_folder).encode(text).ids
    assert all(found.word_starts[start] for start in found.sentences[:-1])


@settings(max_examples=200, deadline=None)
@given(st.lists(st.lists(st.booleans(), max_size=12), max_size=6), st.integers(1, 6))
def test_division(sentences, limit):
    flat = np.array([start for sentence in sentences for start in sentence], bool)
    given_lengths = np.array([len(sentence) for sentence in sentences], np.int64)
    lengths, up_to = divide(IdBlock(flat.astype(np.uint32), flat, given_lengths), limit)
    assert lengths.sum() == given_lengths.sum()
    assert all(0 < length <= limit for length in lengths)
    assert len(up_to) == len(sentences) + 1
    for number in range(len(sentences) + 1):
        assert lengths[:up_to[number]].sum() == given_lengths[:number].sum()


def test_errors(corpus, tokenizer_folder, tmp_path):
    run_encode(corpus, tokenizer_folder, tmp_path / "out")
    with pytest.raises(DataError, match="unknown split 'trian' .did you mean 'train'"):
        load_encoded(tmp_path / "out", "trian")
    with pytest.raises(DataError, match="not an encoded corpus"):
        load_encoded(tmp_path, "train")
    (tmp_path / "out/train.ids.npy").unlink()
    with pytest.raises(DataError, match="is missing"):
        load_encoded(tmp_path / "out", "train")
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match="holds no corpus"):
        run_encode(tmp_path / "empty", tokenizer_folder, tmp_path / "none")


def test_the_summary_is_measured_on_development_text(corpus, tmp_path):
    summary = tokenize_stage.run(TokenizeStage(TokenizerConfig(kind="character", vocab_size=50)), {"corpus": corpus},
                                 tmp_path, Runtime())
    lines = [line for line in (corpus / "validation.txt").read_text(encoding="utf-8").split("\n") if line]
    ids = [index for line in lines for index in load_tokenizer(tmp_path).encode(line).ids]
    assert summary.values["unknown_rate"] == pytest.approx(ids.count(1) / len(ids))
    assert summary.values["characters_per_token"] == pytest.approx(sum(map(len, lines)) / len(ids))


def test_a_tokenizer_that_needs_no_corpus(tmp_path):
    summary = tokenize_stage.run(TokenizeStage(TokenizerConfig(kind="byte")), {}, tmp_path, Runtime())
    assert summary.values == {"vocab_size": 261}
    assert load_tokenizer(tmp_path).vocab_size == 261


def test_the_memo_computes_once_and_stays_small():
    computed = []
    memo = Memo(lambda key: computed.append(key) or key.upper(), 10)
    for _ in range(3):
        assert memo["a"] == "A"
    assert computed == ["a"]
    for number in range(1000):
        assert memo[f"x{number}"] == f"X{number}"
        assert memo["a"] == "A"
    assert computed.count("a") == 1  # what is used stays
    assert len(memo) + len(memo._old) <= 20
    assert memo["b" * 65] == "B" * 65
    assert "b" * 65 not in memo


def test_memory_does_not_grow_with_new_words(tokenizer_folder, monkeypatch):
    monkeypatch.setattr("jptransfer.text.words.MEMO_WORDS", 500)
    tokenizer = load_tokenizer(tokenizer_folder)

    def peak(first: int) -> int:
        tracemalloc.start()
        for start in range(first, first + 4000, 100):
            tokenizer.encode_lines([f"番号{number:07d}z" for number in range(start, start + 100)])
        found = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return found

    early = peak(0)
    assert peak(100_000) < 1.3 * early + 100_000
    assert len(tokenizer._packed_ids) <= 500


def test_loading_an_encoded_corpus_needs_numpy_alone(corpus, tokenizer_folder, tmp_path):
    run_encode(corpus, tokenizer_folder, tmp_path)
    code = ("import sys\nfor name in ('fugashi', 'pyarrow', 'datasets', 'transformers', 'torch', 'tokenizers'):\n"
            "    sys.modules[name] = None\n"
            "from pathlib import Path; from jptransfer.text.encoded import load_encoded\n"
            "print(load_encoded(Path(sys.argv[1]), 'train').n_tokens)")
    subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=True)


@pytest.mark.real
def test_kyoto_articles(shared_data, tmp_path):
    """Real text: the same ids as transformers on every line of a sample, and few unknown pieces."""
    import lzma
    from itertools import islice

    from transformers import AutoTokenizer

    with lzma.open(shared_data / "kyoto_wiki/articles.ja.txt.xz", "rt", encoding="utf-8") as stream:
        lines = [line.rstrip("\n") for line in islice(stream, 6000) if line.strip()]
    write_corpus(tmp_path / "corpus", [lines])
    out = tmp_path / "tokenizer"
    summary = tokenize_stage.run(TokenizeStage(TokenizerConfig()), {"corpus": tmp_path / "corpus"}, out, Runtime())
    assert summary.values["unknown_rate"] < 0.01
    tokenizer, peer = load_tokenizer(out), AutoTokenizer.from_pretrained(out)
    ids = [index for line in lines[:2000] for index in peer(line, add_special_tokens=False)["input_ids"]]
    assert tokenizer.encode_lines(lines[:2000]).ids.tolist() == ids
