"""Words laid over pieces, and what whole-word masking makes of them for tokenizers of every family."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from transformers import BertJapaneseTokenizer

from jptransfer.config import LmTrainingConfig, ObjectiveConfig, SegmenterConfig, TokenizerConfig
from jptransfer.config.text import Segmentation
from jptransfer.errors import ConfigError
from jptransfer.objectives.mlm import MaskedData
from jptransfer.objectives.mlm_settings import MlmConfig
from jptransfer.text.encoded import EncodedSplit
from jptransfer.text.overlay import number_pieces
from jptransfer.text.pretrained import PretrainedTokenizer
from jptransfer.text.segment import MecabSegmenter
from jptransfer.text.tokenizers import load_tokenizer, train_tokenizer
from jptransfer.training.target_counts import check_predictions, count_predictions

from .conftest import KINDS
from .families import families

FAMILIES = ["xlm-roberta", "deberta-v2", "albert", "t5", "luke", "roberta", "gpt2", "modernbert", "multilingual bert"]


@pytest.fixture(scope="module")
def made(tokenizers, sentences, tmp_path_factory):
    """Name -> tokenizer: each of ours, each family of transformers, and the Japanese BERT that they are held to."""
    vocabulary = str(tokenizers["wordpiece", False][1] / "vocab.txt")
    every = {kind: tokenizers[kind, False][0] for kind in KINDS}
    for name, make in families(tokenizers["unigram", False][0], vocabulary, sentences).items():
        folder = tmp_path_factory.mktemp("family")
        make().save_pretrained(folder)
        every[name] = load_tokenizer(folder)
    every["japanese bert"] = PretrainedTokenizer(BertJapaneseTokenizer(vocabulary, word_tokenizer_type="mecab"))
    every["japanese bert, basic"] = PretrainedTokenizer(BertJapaneseTokenizer(vocabulary, word_tokenizer_type="basic"))
    return every


def masked(tokenizer, sentences, pack=False, **objective) -> MaskedData:
    block = tokenizer.encode_lines(sentences)
    step = 5 if pack else 1
    borders = np.cumsum([0, *block.lengths])
    split = EncodedSplit(block.ids, block.word_starts.astype(np.uint8), borders,
                         np.arange(0, len(sentences) + 1, step), tokenizer.vocab_size)
    training = LmTrainingConfig(pack=pack, objective=ObjectiveConfig(mlm=MlmConfig(**objective)))
    return MaskedData(split, tokenizer, training)


@pytest.mark.parametrize("name", [*KINDS, *FAMILIES, "japanese bert, basic"])
@pytest.mark.parametrize("pack", [True, False])
def test_the_predicted_share_is_that_of_a_japanese_bert(made, sentences, name, pack):
    """Bytes lose a little: a word of five characters has fifteen of them, more than a short sentence may predict."""
    wanted = count_predictions(masked(made["japanese bert"], sentences, pack)).describe()["predicted_share"]
    found = count_predictions(masked(made[name], sentences, pack)).describe()
    room = 0.02 if name == "byte" else 0.005
    assert wanted == pytest.approx(0.15, abs=0.005)
    assert found["predicted_share"] == pytest.approx(found["asked_share"], abs=room)
    if name != "japanese bert, basic":  # whole clauses are unknown to it, and a sentence predicts one token at least
        assert found["predicted_share"] == pytest.approx(wanted, abs=room)


@pytest.mark.parametrize("name", [*KINDS, *FAMILIES, "japanese bert", "japanese bert, basic"])
def test_no_word_is_masked_in_part(made, sentences, name):
    """Of MeCab's words, laid over the offsets by hand, all pieces are predicted or none."""
    tokenizer, segmenter = made[name], MecabSegmenter()
    lines = [line for line in sentences if len(line) <= 40][:200]  # none has more bytes than a sequence has room for
    data = masked(tokenizer, lines)
    begin = len(tokenizer.template.frame(False).special[0])  # GPT-2's and T5's put nothing before a text
    chosen = 0
    for row, line in enumerate(lines):
        batch = data.collate(np.array([row]), 0)
        predicted = set((batch["positions"] - begin).tolist())
        offsets = tokenizer.encode(line).offsets
        for start, end in segmenter.spans(line):
            inside = {place for place, (low, high) in enumerate(offsets) if low < end and high > start}
            assert inside <= predicted or not inside & predicted, (line, line[start:end])
            chosen += bool(inside & predicted)
    assert chosen > 200


@pytest.mark.parametrize("name", FAMILIES)
def test_lines_have_the_words_of_texts(made, sentences, name):
    tokenizer = made[name]
    texts = sentences[:100]
    slow = [tokenizer.encode(text).words for text in texts]
    starts = [place == 0 or word != words[place - 1] for words in slow for place, word in enumerate(words)]
    assert tokenizer.encode_lines(texts).word_starts.tolist() == starts


@pytest.mark.parametrize(("offsets", "words", "numbers"), [
    ([(0, 2), (2, 4)], [(0, 2), (2, 4)], [0, 1]),
    ([(0, 1), (1, 2), (2, 3)], [(0, 2), (2, 3)], [0, 0, 1]),  # 東 京 で
    ([(0, 3), (3, 4), (4, 5)], [(0, 2), (2, 4), (4, 5)], [0, 0, 1]),  # 京都の 町 へ: の町 is one word
    ([(0, 1), (1, 3), (3, 4), (4, 6)], [(1, 3), (4, 6)], [0, 0, 1, 1]),  # spaces count to the word after them
    ([(0, 2), (2, 3), (3, 4)], [(0, 2)], [0, 1, 2]),
    ([(0, 1), (0, 1), (0, 1), (1, 2)], [(0, 1), (1, 2)], [0, 0, 0, 1]),  # the bytes of a character
    ([(0, 0), (0, 2), (2, 4)], [(0, 2), (2, 4)], [0, 0, 1]),
    ([(0, 1), (3, 4)], [(0, 4)], [0, 0]),
    ([], [(0, 2)], []),
])
def test_pieces_by_word(offsets, words, numbers):
    assert number_pieces(offsets, words) == numbers


def spans(lengths, gaps):
    place, made = 0, []
    for length, gap in zip(lengths, gaps, strict=False):
        made.append((place + gap, place + gap + length))
        place += gap + length
    return made


LENGTHS = st.lists(st.integers(1, 4), max_size=8)
GAPS = st.lists(st.integers(0, 1), min_size=8, max_size=8)


@given(LENGTHS, GAPS, LENGTHS, GAPS)
def test_pieces_that_share_a_word_have_one_number(lengths, gaps, word_lengths, word_gaps):
    offsets, words = spans(lengths, gaps), spans(word_lengths, word_gaps)
    numbers = number_pieces(offsets, words)
    assert numbers == sorted(numbers) and sorted(set(numbers)) == list(range(len(set(numbers))))
    for start, end in words:
        assert len({number for number, (low, high) in zip(numbers, offsets, strict=True) if low < end and high > start}
                   ) <= 1


def test_words_of_other_languages_are_the_segmenters(made, tmp_path):
    made["xlm-roberta"].tokenizer.save_pretrained(tmp_path / "source")
    cutter = SegmenterConfig(Segmentation.whitespace)
    tokenizer = train_tokenizer(TokenizerConfig(kind="pretrained", source=str(tmp_path / "source"), segmenter=cutter))
    tokenizer.save(tmp_path / "saved")
    assert json.loads((tmp_path / "saved/jpt_tokenizer.json").read_text())["segmenter"] == "whitespace"
    for one in (tokenizer, load_tokenizer(tmp_path / "saved")):
        pieces = one.encode("東京の 大阪の")
        assert len(set(pieces.words)) == 2 < len(pieces)


def test_too_little_to_predict_is_an_error(made, sentences):
    """Every sentence is one word of four pieces, and a sentence of four pieces may predict one."""
    data = masked(made["character"], ["株式会社"] * 30)
    data.split.word_starts[:] = [1, 0, 0, 0] * 30
    with pytest.raises(ConfigError, match=r"0.00% of the tokens would be predicted, .* 25.00%: .*whole_word=false"):
        check_predictions(count_predictions(data), data.config.objective)
    half = masked(made["character"], ["株式会社"] * 30 + ["ああああ"] * 14)
    half.split.word_starts[:] = [1, 0, 0, 0] * 30 + [1, 1, 1, 1] * 14
    with pytest.raises(ConfigError, match="7.95% of the tokens"):
        check_predictions(count_predictions(half), half.config.objective)
    piecewise = masked(made["character"], ["株式会社"] * 30, whole_word=False)
    check_predictions(count_predictions(piecewise), piecewise.objective)
