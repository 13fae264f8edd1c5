"""Against the sentencepiece library itself: what tokenizers and transformers run must cut as SentencePiece does."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sentencepiece import SentencePieceProcessor

from jptransfer.config import TokenizerConfig
from jptransfer.errors import ConfigError
from jptransfer.text.sentencepiece import SentencePieceTokenizer, normalise
from jptransfer.text.tokenizers import train_tokenizer

from .conftest import NASTY, SPELLED_SPECIAL, small_config

KINDS = ["unigram", "bpe"]


@pytest.fixture(scope="module")
def libraries(tokenizers):
    return {kind: SentencePieceProcessor(model_file=str(tokenizers[kind, False][1] / "spiece.model")) for kind in KINDS}


def reference(libraries, tokenizer, kind, text):
    return libraries[kind].encode(normalise(tokenizer.settings, text).text)


@pytest.mark.parametrize("kind", KINDS)
def test_ids_are_sentencepieces_own(tokenizers, libraries, sentences, kind):
    tokenizer, _ = tokenizers[kind, False]
    for text in [*sentences[:500], *(text for text in NASTY if len(set(text)) > 1), SPELLED_SPECIAL]:
        assert tokenizer.encode(text).ids == reference(libraries, tokenizer, kind, text), text


@pytest.mark.parametrize("kind", KINDS)
def test_paths_of_the_same_score_may_differ_in_order_alone(tokenizers, libraries, kind):
    """A run of one character: the same pieces, and so the same score, but the libraries break the tie differently."""
    tokenizer, _ = tokenizers[kind, False]
    assert sorted(tokenizer.encode("の" * 301).ids) == sorted(reference(libraries, tokenizer, kind, "の" * 301))


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=200, deadline=None)
@given(data=st.data())
def test_ids_are_sentencepieces_own_on_mixed_up_text(tokenizers, libraries, sentences, kind, data):
    tokenizer, _ = tokenizers[kind, False]
    characters = sorted(set("".join(sentences[:50])) - set("\ufffd"))
    text = data.draw(st.text(st.sampled_from([*characters, "😀", " "]), max_size=25))
    ours, theirs = tokenizer.encode(text).ids, reference(libraries, tokenizer, kind, text)
    assert ours == theirs or (kind == "unigram" and sorted(ours) == sorted(theirs))


@pytest.mark.parametrize("kind", KINDS)
def test_a_vocabulary_too_small_for_all_characters_keeps_the_frequent_ones(sentences, kind):
    tokenizer = train_tokenizer(small_config(kind, max_sentences=500), sentences)
    small = train_tokenizer(type(small_config(kind))(kind=kind, vocab_size=120), sentences)
    assert small.vocab_size == 120
    assert small.id("の") != small.unk_id
    assert sum(len(token) == 1 for token in small.tokens) < sum(len(token) == 1 for token in tokenizer.tokens)


def test_no_text_is_one_line():
    with pytest.raises(ConfigError, match="tokenizer.vocab_size=8: beside 5 special tokens no character") as caught:
        train_tokenizer(type(small_config("bpe"))(kind="bpe", vocab_size=8), [])
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("kind", ["unigram", "bpe"])
@pytest.mark.parametrize("sentences", [[], [""], ["あ"], ["今日は良い天気です", "明日も"]])
def test_a_tiny_text_trains_or_says_what_to_set(kind, sentences):
    for size in (5, 8, 300):
        try:
            made = SentencePieceTokenizer.train(TokenizerConfig(kind=kind, vocab_size=size), sentences)
        except ConfigError as error:
            assert f"tokenizer.vocab_size={size}:" in str(error) and "give " in str(error) and "cc(" not in str(error)
            assert size < 8 or not any(sentences) or kind == "bpe"
        else:
            assert made.encode(sentences[0]).ids
