"""Tokenizers of transformers on SentencePiece models with all kinds of settings, held against the library itself."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import sentencepiece
from transformers import AutoTokenizer

from jptransfer.errors import ConfigError
from jptransfer.text.tokenizers import load_tokenizer
from tests.families import FAMILIES, texts

from .test_tokenizer_kinds import check_offsets

FILES = {
    "XLMRobertaTokenizer": "sentencepiece.bpe.model", "CamembertTokenizer": "sentencepiece.bpe.model",
    "MBartTokenizer": "sentencepiece.bpe.model", "NllbTokenizer": "sentencepiece.bpe.model",
    "BarthezTokenizer": "sentencepiece.bpe.model", "SeamlessM4TTokenizer": "sentencepiece.bpe.model",
    "T5Tokenizer": "spiece.model", "BigBirdTokenizer": "spiece.model", "XLNetTokenizer": "spiece.model",
    "AlbertTokenizer": "spiece.model", "FNetTokenizer": "spiece.model", "ReformerTokenizer": "spiece.model",
    "DebertaV2Tokenizer": "spm.model", "LlamaTokenizer": "tokenizer.model", "GemmaTokenizer": "tokenizer.model",
    "CodeLlamaTokenizer": "tokenizer.model",
}
T5 = {"pad_id": 0, "eos_id": 1, "unk_id": 2, "bos_id": -1}
DEBERTA = {"pad_id": 0, "bos_id": 1, "eos_id": 2, "unk_id": 3, "pad_piece": "[PAD]", "bos_piece": "[CLS]",
           "eos_piece": "[SEP]", "unk_piece": "[UNK]"}
ALBERT = {"pad_id": 0, "unk_id": 1, "bos_id": -1, "eos_id": -1, "control_symbols": ["[CLS]", "[SEP]", "[MASK]"]}
IDS = {"T5Tokenizer": T5, "DebertaV2Tokenizer": DEBERTA, "AlbertTokenizer": ALBERT, "FNetTokenizer": ALBERT}
SETTINGS: dict[str, dict[str, Any]] = {
    "case folding": {"normalization_rule_name": "nmt_nfkc_cf"},
    "nfkc": {"normalization_rule_name": "nfkc"},
    "identity": {"normalization_rule_name": "identity"},
    "no prefix": {"add_dummy_prefix": False},
    "spaces kept": {"remove_extra_whitespaces": False},
    "spaces behind": {"treat_whitespace_as_suffix": True},
    "bytes": {"byte_fallback": True, "vocab_size": 460},
    "user symbols": {"user_defined_symbols": ["札幌"]},
    "pairs": {"model_type": "bpe"},
    "characters": {"model_type": "char"},
}
UNIGRAM = ("XLMRobertaTokenizer", "CamembertTokenizer", "MBartTokenizer", "T5Tokenizer", "BigBirdTokenizer",
           "DebertaV2Tokenizer", "LlamaTokenizer", "GemmaTokenizer", "CodeLlamaTokenizer")
PAIRS = ("LlamaTokenizer", "GemmaTokenizer", "CodeLlamaTokenizer", "NllbTokenizer", "ReformerTokenizer")
CASES = [(kind, name) for name in SETTINGS for kind in (PAIRS if name in ("pairs", "characters") else UNIGRAM)]
PROBES = [
    "駅からの道がとても良かったです。", "ｶﾞｽとﾊﾟﾝ", "か\u3099き", "ＡＢＣと１２３㌔㍿①", "ENGLISH Words",
    "東京 大阪　京都", "  先頭  間 ", "良い\t悪い", "～だ〜", "🎉家族", "鬱です",
    "<s>x</s>", "[CLS]x[SEP]", "A\u200bB", "札幌へ札幌", "", " ",
]


def train(folder: Path, kind: str, config: dict[str, Any] | None = None, **options: Any) -> Any:
    """Write a folder of a class with a new SentencePiece model; return the library's processor."""
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / FILES[kind]
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(texts() * 3), model_prefix=str(file.with_suffix("")), minloglevel=2,
        **{"vocab_size": 200, "character_coverage": 1.0, "hard_vocab_limit": False, **IDS.get(kind, {}), **options})
    file.with_suffix(".vocab").unlink()
    (folder / "tokenizer_config.json").write_text(json.dumps({"tokenizer_class": kind, **(config or {})}))
    return sentencepiece.SentencePieceProcessor(model_file=str(file))


def check_pieces(tokenizer: Any, processor: Any) -> None:
    """Pieces, and ids of the unknown, are the library's; every piece has a span."""
    for text in PROBES:
        wanted = [tokenizer.unk_id if processor.is_unknown(index) else tokenizer.id(processor.id_to_piece(index))
                  for index in processor.encode(text)]
        found = tokenizer.encode(text)
        assert found.ids == wanted, text
        check_offsets(found, text)


@pytest.mark.parametrize(("kind", "name"), CASES)
def test_all_settings_of_a_model_count(tmp_path, kind, name):
    processor = train(tmp_path / "made", kind, **SETTINGS[name])
    tokenizer = load_tokenizer(tmp_path / "made")
    check_pieces(tokenizer, processor)
    tokenizer.save(tmp_path / "saved")
    check_pieces(load_tokenizer(tmp_path / "saved"), processor)


def test_offsets_of_bytes_are_those_of_their_character(tmp_path):
    train(tmp_path, "T5Tokenizer", **SETTINGS["bytes"])
    found = load_tokenizer(tmp_path).encode("道鬱x")
    assert found.offsets[-4:] == [(1, 2), (1, 2), (1, 2), (2, 3)]


def test_a_special_token_among_the_user_symbols_is_text(tmp_path):
    train(tmp_path, "T5Tokenizer", {"mask_token": "[MASK]"}, user_defined_symbols=["[MASK]"])
    tokenizer = load_tokenizer(tmp_path)
    assert tokenizer.mask_id == tokenizer.id("[MASK]") not in tokenizer.encode("道[MASK]道").ids


def test_added_tokens_are_found_first(tmp_path):
    processor = train(tmp_path / "made", "XLMRobertaTokenizer")
    peer = AutoTokenizer.from_pretrained(tmp_path / "made")
    peer.add_tokens(["東京タワー"])
    peer.save_pretrained(tmp_path / "made")
    tokenizer = load_tokenizer(tmp_path / "made")
    found = tokenizer.encode("駅は東京タワーです")
    place = found.ids.index(peer.convert_tokens_to_ids("東京タワー"))
    assert found.offsets[place] == (2, 7)
    assert found.ids[:place] == [tokenizer.unk_id if processor.is_unknown(index) else index + 1
                                 for index in processor.encode("駅は")]


def test_other_pieces_in_tokenizer_json_are_what_counts(tmp_path):
    """A model file beside a vocabulary that was changed later says nothing of it."""
    train(tmp_path, "XLMRobertaTokenizer")
    AutoTokenizer.from_pretrained(tmp_path).save_pretrained(tmp_path)
    stored = json.loads((tmp_path / "tokenizer.json").read_text())
    stored["model"]["vocab"].insert(-1, ["鬱鬱", -1.0])
    (tmp_path / "tokenizer.json").write_text(json.dumps(stored))
    tokenizer = load_tokenizer(tmp_path)
    assert "鬱鬱" in map(tokenizer.token, tokenizer.encode("鬱鬱").ids)


@pytest.mark.parametrize(("kind", "setting"), [
    ("XLNetTokenizer", "keep_accents"), ("AlbertTokenizer", "keep_accents"), ("FNetTokenizer", "do_lower_case")])
def test_accents_and_case_are_not_taken_off_by_default(tmp_path, kind, setting):
    train(tmp_path, kind)
    with pytest.raises(ConfigError, match=f'{kind} .* unless told otherwise; write "{setting}"'):
        load_tokenizer(tmp_path)


@pytest.mark.parametrize("kind", ["XLNetTokenizer", "AlbertTokenizer"])
def test_accents_as_the_files_say(tmp_path, kind):
    processor = train(tmp_path, kind, {"keep_accents": True, "do_lower_case": False})
    check_pieces(load_tokenizer(tmp_path), processor)
    train(tmp_path, kind, {"keep_accents": False, "do_lower_case": True})
    tokenizer = load_tokenizer(tmp_path)
    assert tokenizer.encode("Xが道").ids == tokenizer.encode("xか道").ids


@pytest.mark.parametrize(("kind", "options"), [
    ("NllbTokenizer", {}), ("ReformerTokenizer", {}), ("SeamlessM4TTokenizer", {}),
    *((kind, {"model_type": "bpe"}) for kind in (
        "XLMRobertaTokenizer", "DebertaV2Tokenizer", "T5Tokenizer", "XLNetTokenizer", "MBartTokenizer",
        "BigBirdTokenizer", "FNetTokenizer"))])
def test_another_algorithm_than_that_of_the_class_is_one_line(tmp_path, kind, options):
    train(tmp_path, kind, **options)
    with pytest.raises(ConfigError, match=f"the model in its files is .*, but transformers' {kind} cuts by") as caught:
        load_tokenizer(tmp_path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(("kind", "options"), [
    ("T5Tokenizer", DEBERTA), ("BarthezTokenizer", {}), ("BigBirdTokenizer", DEBERTA)])
def test_unknown_characters_with_the_id_of_a_piece_are_refused(tmp_path, kind, options):
    train(tmp_path, kind, **options)
    with pytest.raises(ConfigError, match="gives unknown characters the id .* not that of the unknown token"):
        load_tokenizer(tmp_path)


def test_another_unknown_token_than_that_of_the_model_is_refused(tmp_path):
    train(tmp_path, "XLMRobertaTokenizer", **DEBERTA)
    with pytest.raises(ConfigError, match=r"the unknown token of .* is '<unk>', that of .* '\[UNK\]'"):
        load_tokenizer(tmp_path)


@pytest.mark.parametrize("name", ["xlm-roberta", "mluke", "deberta-v2", "albert", "t5"])
def test_special_tokens_spelled_out_are_text_without_a_model_file(tmp_path, name):
    FAMILIES[name].tokenizer().save_pretrained(tmp_path)
    tokenizer = load_tokenizer(tmp_path)
    peer = tokenizer.tokenizer
    special = set(peer.all_special_ids) - {tokenizer.unk_id}
    for token in peer.all_special_tokens:
        text = f"道{token}x"
        found = tokenizer.encode(text)
        assert special.isdisjoint(found.ids), text
        check_offsets(found, text)
        # The text around is cut as always, and what is not special is not touched.
        assert tokenizer.encode("道とx").ids == peer("道とx", add_special_tokens=False)["input_ids"]
