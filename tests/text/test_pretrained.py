import shutil

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from transformers import AutoTokenizer, BertConfig, BertJapaneseTokenizer, BertTokenizerFast, GPT2Tokenizer

from jptransfer.config import TokenizerConfig
from jptransfer.errors import ConfigError
from jptransfer.text.cutters import place_pieces
from jptransfer.text.pretrained import PretrainedTokenizer, open_pretrained
from jptransfer.text.tokenizers import load_tokenizer, train_tokenizer

from .conftest import NASTY, SPELLED_SPECIAL
from .test_alignment import nasty_text
from .test_tokenizer_kinds import check_offsets

JAPANESE = {
    "mecab + wordpiece": {"word_tokenizer_type": "mecab"},
    "mecab + wordpiece, lower case": {"word_tokenizer_type": "mecab", "do_lower_case": True},
    "mecab, no nfkc": {"word_tokenizer_type": "mecab", "mecab_kwargs": {"normalize_text": False}},
    "ipadic + character": {"word_tokenizer_type": "mecab", "subword_tokenizer_type": "character",
                           "mecab_kwargs": {"mecab_dic": "ipadic"}},
    "mecab + sentencepiece": {"word_tokenizer_type": "mecab", "subword_tokenizer_type": "sentencepiece"},
    "sentencepiece": {"do_word_tokenize": False, "subword_tokenizer_type": "sentencepiece"},
    "character": {"do_word_tokenize": False, "subword_tokenizer_type": "character"},
    "mecab words": {"word_tokenizer_type": "mecab", "do_subword_tokenize": False},
    "basic, lower case": {"do_lower_case": True},
}


@pytest.fixture(scope="module")
def folders(tokenizers, tmp_path_factory):
    """Folders as transformers itself saves them: Japanese slow tokenizers and fast ones."""
    vocabulary = tokenizers["wordpiece", False][1] / "vocab.txt"
    pieces = tokenizers["unigram", False][1] / "spiece.model"
    made = {}
    for name, options in JAPANESE.items():
        folder = tmp_path_factory.mktemp("pretrained")
        spm = {"spm_file": str(pieces)} if options.get("subword_tokenizer_type") == "sentencepiece" else {}
        BertJapaneseTokenizer(str(vocabulary), **spm, **options).save_pretrained(folder)
        shutil.copy(vocabulary, folder)
        made[name] = folder
    fast = {"fast bert": BertTokenizerFast(str(vocabulary)),
            "fast unigram": AutoTokenizer.from_pretrained(tokenizers["unigram", False][1]),
            "fast bytes": AutoTokenizer.from_pretrained(tokenizers["byte", False][1])}
    for name, tokenizer in fast.items():
        made[name] = tmp_path_factory.mktemp("pretrained")
        tokenizer.save_pretrained(made[name])
    return made


ALL = [*JAPANESE, "fast bert", "fast unigram", "fast bytes"]


@pytest.mark.parametrize("name", ALL)
def test_ids_are_transformers_own(folders, sentences, name):
    tokenizer = load_tokenizer(folders[name])
    peer = AutoTokenizer.from_pretrained(folders[name])
    for text in [*sentences[:100], *NASTY]:
        assert tokenizer.encode(text).ids == peer(text, add_special_tokens=False)["input_ids"], text


@pytest.mark.parametrize("name", ALL)
def test_offsets_on_nasty_texts(folders, name):
    tokenizer = load_tokenizer(folders[name])
    for text in [*NASTY, "壊れた\ud800字", "東京\0大阪", SPELLED_SPECIAL]:
        check_offsets(tokenizer.encode(text), text)


@pytest.mark.parametrize("name", list(JAPANESE))
@settings(max_examples=40, deadline=None)
@given(text=nasty_text)
def test_offsets_of_slow_ones_hold(folders, name, text):
    tokenizer = _loaded.setdefault(folders[name], load_tokenizer(folders[name]))
    check_offsets(tokenizer.encode(text), text)


_loaded: dict = {}


@pytest.mark.parametrize("name", ["mecab + wordpiece", "mecab + sentencepiece", "sentencepiece", "character"])
def test_known_pieces_lie_where_they_are_written(folders, sentences, name):
    tokenizer = load_tokenizer(folders[name])
    for text in sentences[:100]:
        encoding = tokenizer.encode(text)
        for index, (start, end) in zip(encoding.ids, encoding.offsets, strict=True):
            piece = tokenizer.token(index).removeprefix("##").strip("▁ ")
            if piece and index != tokenizer.unk_id and text.isalpha():
                assert text[start:end] == piece


def test_ours_and_the_slow_ones_agree(tokenizers, folders, sentences):
    """The same tokenizer twice: our WordPiece and transformers' with our alignment give the same offsets and words."""
    ours, _ = tokenizers["wordpiece", False]
    theirs = load_tokenizer(folders["mecab + wordpiece"])
    for text in [*sentences[:100], *(text for text in NASTY if "\x1c" not in text)]:
        assert ours.encode(text) == theirs.encode(text), text


@pytest.mark.parametrize("name", ALL)
def test_special_tokens_in_a_text_are_text(folders, name):
    tokenizer = load_tokenizer(folders[name])
    special = {tokenizer.pad_id, tokenizer.cls_id, tokenizer.sep_id, tokenizer.mask_id} - {tokenizer.unk_id}
    assert not special & set(tokenizer.encode(SPELLED_SPECIAL).ids)


def test_pretokenised_input_and_lines(folders):
    tokenizer = load_tokenizer(folders["mecab + wordpiece"])
    words = tokenizer.encode_words(["東京", " ", "ｶﾞｽ"], [0, 2, 3])
    assert sorted(set(words.words)) == [0, 1, 2]
    assert words.offsets[-1][1] == 6
    block = tokenizer.encode_lines(["東京です。", "", "大阪"])
    assert block.ids.tolist() == tokenizer.encode("東京です。").ids + tokenizer.encode("大阪").ids
    assert block.lengths.tolist()[1] == 0


def test_fetched_saved_and_loaded(folders, tmp_path):
    source = folders["ipadic + character"]
    tokenizer = train_tokenizer(TokenizerConfig(kind="pretrained", source=str(source)))
    tokenizer.save(tmp_path)
    loaded = load_tokenizer(tmp_path)
    assert loaded.vocab_size == tokenizer.vocab_size
    assert loaded.encode("国立国会図書館へ㍿") == tokenizer.encode("国立国会図書館へ㍿")
    ids = loaded.encode("です").ids
    assert loaded.decode([loaded.cls_id, *ids, loaded.sep_id]).replace(" ", "") == "です"


def test_tokenizers_without_special_tokens_of_bert(tmp_path):
    tokenizer = PretrainedTokenizer(GPT2Tokenizer(vocab={"<|endoftext|>": 0, "a": 1}, merges=[]))
    assert tokenizer.sep_id == tokenizer.cls_id == tokenizer.pad_id
    with pytest.raises(ConfigError, match="no mask token"):
        _ = tokenizer.mask_id


@pytest.mark.parametrize(("source", "message"), [
    ("", "tokenizer.source is missing"),
    ("some-org/some-name", "is no folder; a tokenizer of the hub is hf:org/name@revision"),
])
def test_sources_that_are_wrong(source, message):
    with pytest.raises(ConfigError, match=message):
        train_tokenizer(TokenizerConfig(kind="pretrained", source=source))


def test_a_folder_without_a_tokenizer(tmp_path):
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(ConfigError, match="cannot load a tokenizer") as caught:
        load_tokenizer(tmp_path)
    assert "\n" not in str(caught.value)


def test_hub_names_carry_a_revision(monkeypatch):
    asked = {}

    def fetch(name, **options):
        asked.update(options, name=name)
        raise OSError("no network\nin tests")

    monkeypatch.setattr("transformers.AutoTokenizer.from_pretrained", fetch)
    with pytest.raises(ConfigError, match="no network$"):
        train_tokenizer(TokenizerConfig(kind="pretrained", source="hf:org/name@abc"))
    assert asked == {"name": "org/name", "revision": "abc", "trust_remote_code": False}


@pytest.mark.parametrize(("pieces", "word", "spans"), [
    (["東", "##京"], "東京", [(0, 1), (1, 2)]),
    (["[UNK]"], "東京都", [(0, 3)]),
    (["▁東京", "[UNK]", "です"], "東京😀😀です", [(0, 2), (2, 4), (4, 6)]),
    (["▁", "東京"], " 東京", [(0, 1), (1, 3)]),
    (["[UNK]", "[UNK]", "京"], "😀東京都", [(0, 1), (1, 2), (2, 3)]),
    (["東京", "▁"], "東京", [(0, 2), (1, 2)]),
])
def test_places_of_pieces(pieces, word, spans):
    assert place_pieces(pieces, word, "[UNK]") == spans


@given(st.lists(st.text("東京都▁#a ", max_size=3), max_size=6), st.text("東京都▁#a ", min_size=1, max_size=8))
def test_any_pieces_get_places_in_order(pieces, word):
    spans = place_pieces(pieces, word, "[UNK]")
    assert len(spans) == len(pieces)
    assert all(0 <= start < end <= len(word) for start, end in spans)
    assert [start for start, _ in spans] == sorted(start for start, _ in spans)
    assert [end for _, end in spans] == sorted(end for _, end in spans)


def test_a_model_without_its_vocabulary(tmp_path):
    BertConfig(vocab_size=30, hidden_size=8, num_hidden_layers=1, num_attention_heads=1).save_pretrained(tmp_path)
    with pytest.raises(ConfigError, match="holds no vocabulary"):
        open_pretrained(str(tmp_path))


@pytest.mark.parametrize("name", ["mecab + wordpiece", "character", "fast bert", "fast unigram", "fast bytes"])
def test_added_tokens_are_one_piece_and_have_their_span(folders, tmp_path, name):
    peer = AutoTokenizer.from_pretrained(folders[name])
    peer.add_tokens(["東京タワー", "東京", "<url>"])
    peer.save_pretrained(tmp_path)
    tokenizer, text = load_tokenizer(tmp_path), "駅は東京タワーです<url>東京"
    encoding = tokenizer.encode(text)
    assert encoding.ids == AutoTokenizer.from_pretrained(tmp_path)(text, add_special_tokens=False)["input_ids"]
    wanted = peer.convert_tokens_to_ids(["東京タワー", "<url>"])
    found = {index: text[slice(*span)] for index, span in zip(encoding.ids, encoding.offsets, strict=True)}
    assert [found[index] for index in wanted] == ["東京タワー", "<url>"]
