"""SentencePiece models as transformers converts them, held against the sentencepiece library itself."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pytest
import sentencepiece
from hypothesis import given, settings
from transformers import AutoTokenizer

from jptransfer.config import TokenizerConfig
from jptransfer.errors import ConfigError
from jptransfer.tasks.base import Limits, make_task
from jptransfer.tasks.ner import EntityExample
from jptransfer.tasks.spans import Span
from jptransfer.text.coverage import settle
from jptransfer.text.tokenizers import load_tokenizer, train_tokenizer
from tests.families import FAMILIES, texts

from .conftest import NASTY
from .test_alignment import nasty_text
from .test_tokenizer_kinds import check_offsets

SPECIAL = {"bos_id": -1, "eos_id": -1, "pad_id": 0, "unk_id": 1}
MODELS = {
    "xlm-roberta": ("XLMRobertaTokenizer", "sentencepiece.bpe.model", {}, 1),
    "mluke": ("MLukeTokenizer", "sentencepiece.bpe.model", {}, 1),
    "camembert": ("CamembertTokenizer", "sentencepiece.bpe.model", {}, 4),
    "llama of a unigram model": ("LlamaTokenizer", "tokenizer.model", {}, 0),
    "llama": ("LlamaTokenizer", "tokenizer.model", {
        "model_type": "bpe", "byte_fallback": True, "vocab_size": 480, "normalization_rule_name": "identity"}, 0),
    "llama with nfkc": ("LlamaTokenizer", "tokenizer.model", {
        "model_type": "bpe", "byte_fallback": True, "vocab_size": 480}, 0),
    "t5": ("T5Tokenizer", "spiece.model", {**SPECIAL, "eos_id": 1, "unk_id": 2}, 0),
    "deberta-v2": ("DebertaV2Tokenizer", "spm.model", {
        "pad_id": 0, "unk_id": 3, "bos_id": 1, "eos_id": 2, "pad_piece": "[PAD]", "unk_piece": "[UNK]",
        "bos_piece": "[CLS]", "eos_piece": "[SEP]"}, 0),
    "by the file alone": ("PreTrainedTokenizerFast", "tokenizer.model", {}, 0),
}
JAPANESE = ["部屋がとても良かったです。", "フロントの対応に大満足", "駅からの道は二度とごめんです",
            "ｶﾞｽとﾊﾟﾝ", "か\u3099き㍿", "～１２",
            "東京 大阪", "謎の漢字", "Ａ\u0301x", "1️⃣番", "は\u309aん"]


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Return name -> (folder, the sentencepiece library's processor)."""
    found = {}
    for name, (kind, file, options, _) in MODELS.items():
        folder = tmp_path_factory.mktemp("spm")
        sentencepiece.SentencePieceTrainer.train(
            sentence_iterator=iter(texts() * 3), model_prefix=str(folder / "x"), minloglevel=2,
            **{"vocab_size": 200, "character_coverage": 1.0, "hard_vocab_limit": False, **options})
        shutil.move(folder / "x.model", folder / file)
        (folder / "x.vocab").unlink()
        (folder / "tokenizer_config.json").write_text(json.dumps({"tokenizer_class": kind}))
        found[name] = folder, sentencepiece.SentencePieceProcessor(model_file=str(folder / file))
    return found


@pytest.mark.parametrize("name", MODELS)
def test_ids_are_those_of_the_sentencepiece_library(made, tmp_path, name):
    folder, processor = made[name]
    shift = MODELS[name][3]
    fetched = train_tokenizer(TokenizerConfig(kind="pretrained", source=str(folder)))
    fetched.save(tmp_path)
    for tokenizer in (load_tokenizer(folder), fetched, load_tokenizer(tmp_path)):
        for text in JAPANESE:
            expected = [tokenizer.unk_id if processor.is_unknown(index) else index + shift
                        for index in processor.encode(text)]
            assert tokenizer.encode(text).ids == expected, text


@pytest.mark.parametrize("name", MODELS)
def test_a_halfwidth_kana_with_its_mark_is_one_span(made, name):
    tokenizer = load_tokenizer(made[name][0])
    for text in ("ｶﾞｽ", "か\u3099き", "は\u309aん", "xｶﾞ"):
        mark = next(place for place, character in enumerate(text) if character in "ﾞ\u3099\u309a")
        spans = tokenizer.encode(text).offsets
        if name != "llama":  # it has no normalisation: the mark has bytes of its own
            assert any(start < mark < end for start, end in spans)
        assert not any(end == mark for _, end in spans) or name == "llama"


def test_a_unigram_model_in_tokenizer_json_is_not_cut_as_pairs(made, tmp_path):
    folder, processor = made["by the file alone"]
    AutoTokenizer.from_pretrained(folder).save_pretrained(tmp_path)
    config = tmp_path / "tokenizer_config.json"
    config.write_text(json.dumps(json.loads(config.read_text()) | {"tokenizer_class": "LlamaTokenizer"}))
    tokenizer = load_tokenizer(tmp_path)
    for text in JAPANESE[:3]:
        assert tokenizer.encode(text).ids == processor.encode(text)


def test_unknown_text_is_never_a_special_token(tmp_path):
    FAMILIES["mluke"].tokenizer().save_pretrained(tmp_path)
    assert 0 in AutoTokenizer.from_pretrained(tmp_path)("謎", add_special_tokens=False)["input_ids"]  # the trap: <s>
    tokenizer = load_tokenizer(tmp_path)
    assert tokenizer.encode("謎").ids[-1] == tokenizer.unk_id == 3


def test_ids_of_special_tokens_in_text_are_refused(tmp_path):
    FAMILIES["xlm-roberta"].tokenizer().save_pretrained(tmp_path)
    path = tmp_path / "tokenizer.json"
    content = json.loads(path.read_text())
    content["model"]["unk_id"] = 1
    path.write_text(json.dumps(content))
    config = tmp_path / "tokenizer_config.json"
    config.write_text(json.dumps(json.loads(config.read_text()) | {"tokenizer_class": "PreTrainedTokenizerFast"}))
    with pytest.raises(ConfigError, match="gives unknown characters the id 1 of '<pad>'") as caught:
        load_tokenizer(tmp_path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(("text", "spans", "expected"), [
    ("ab", [(0, 1), (1, 2)], [(0, 1), (1, 2)]),
    ("a b", [(0, 1), (2, 2), (2, 3)], [(0, 1), (1, 2), (2, 3)]),  # byte-level: the space has an empty span
    ("がx", [(0, 1), (2, 3)], [(0, 2), (2, 3)]),
    ("\u200bab", [(1, 3)], [(0, 3)]),
    ("a\u200b b", [(0, 1), (3, 4)], [(0, 2), (3, 4)]),
    ("a \u200bb", [(0, 1), (3, 4)], [(0, 1), (2, 4)]),
    ("a \u200b b", [(0, 1), (4, 5)], [(0, 1), (4, 5)]),
    ("a 謎 b", [(0, 1), (4, 5)], [(0, 3), (4, 5)]),
    ("謎 b", [(2, 3)], [(0, 3)]),
    ("aが", [(0, 1), (0, 1)], [(0, 2), (0, 2)]),
    ("", [], []),
])
def test_spans_by_hand(text, spans, expected):
    if text == "がx":
        text = "か\u3099x"
    assert settle(text, spans) == expected


def covered(text, encoding):
    """No visible character is outside all spans."""
    held = {place for start, end in encoding.offsets for place in range(start, end)}
    return [character for place, character in enumerate(text)
            if place not in held and not character.isspace() and character.isprintable()]


@pytest.fixture(scope="module")
def every(made, tmp_path_factory):
    """Return name -> tokenizer, of all families and all SentencePiece models."""
    found = {name: load_tokenizer(folder) for name, (folder, _) in made.items()}
    for name in FAMILIES:
        folder = tmp_path_factory.mktemp("family")
        if name == "canine":
            FAMILIES[name].save(folder)
        else:
            FAMILIES[name].tokenizer().save_pretrained(folder)
        found[f"family {name}"] = load_tokenizer(folder)
    return found


@pytest.mark.parametrize("name", [*MODELS, *(f"family {name}" for name in FAMILIES)])
@settings(max_examples=40, deadline=None)
@given(text=nasty_text)
def test_spans_hold_and_cover_every_visible_character(every, name, text):
    encoding = every[name].encode(text)
    check_offsets(encoding, text)
    assert not encoding.ids or not covered(text, encoding)


@pytest.mark.parametrize("name", [*MODELS, *(f"family {name}" for name in FAMILIES)])
def test_spans_of_nasty_texts(every, name):
    for text in (*NASTY, *JAPANESE):
        encoding = every[name].encode(text)
        check_offsets(encoding, text)
        assert not encoding.ids or not covered(text, encoding), text


@pytest.mark.parametrize("name", [*MODELS, *(f"family {name}" for name in FAMILIES)])
def test_entities_survive_encoding_and_decoding(every, name):
    """Gold tags turned into scores give the gold entities back, or the entity is counted as misaligned."""
    text = "ｶﾞｽと東京 大阪　京都へ、👨‍👩‍👧家族で引っ越した。か\u3099き。"
    wanted = ["ｶﾞｽ", "東京 大阪", "👨‍👩‍👧家族", "か\u3099き"]
    spans = tuple(Span(text.index(one), text.index(one) + len(one), "X") for one in wanted)
    task, example = make_task("ner", ["X"]), EntityExample("e", text, spans)
    features = task.encode([example], every[name], Limits(200))
    rows = [np.eye(3)[np.maximum(feature.targets, 0)] * 20 for feature in features]
    (found,) = task.decode(features, rows, [example])
    lost = task.encoding_counts([example], features)["misaligned"]
    assert len(set(spans) - set(found.predicted)) == lost
    assert not lost or name in COARSE, (name, lost, [(text[a:b]) for a, b in features[0].units])


COARSE = ("family llama",)
"""Its pieces are learnt across the borders of these entities."""
