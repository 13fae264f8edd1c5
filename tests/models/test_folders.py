"""Folders of transformers without a manifest: sound ones pass, each damage is one line, never a traceback."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from transformers import BertConfig, BertForMaskedLM, BertTokenizer, ByT5Tokenizer, T5Config, T5EncoderModel

from jptransfer.config import TokenizerConfig
from jptransfer.errors import DataError, JptError
from jptransfer.models.folders import check_folder
from jptransfer.models.pretrained import load_language_model
from jptransfer.text.tokenizers import load_tokenizer, train_tokenizer

UNITS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *(chr(0x3042 + place) for place in range(80))]
CONTENTS = [b"", b"[]", b"null", b"{}", b"7", b"[" * 100_000, b'{"a":' * 50_000, b"\x80\x00"]


def model(rows: int, folder: Path) -> Path:
    config = BertConfig(vocab_size=rows, hidden_size=8, num_hidden_layers=1, num_attention_heads=2, intermediate_size=8,
                        max_position_embeddings=16)
    BertForMaskedLM(config).save_pretrained(folder)
    (folder / "vocab.txt").write_text("\n".join(UNITS), encoding="utf-8")
    BertTokenizer(vocab=str(folder / "vocab.txt")).save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def sound(tmp_path_factory) -> Path:
    return model(len(UNITS), tmp_path_factory.mktemp("sound"))


def damages(file: Path) -> Iterator[Callable[[Path], object]]:
    data = file.read_bytes()
    yield Path.unlink
    yield lambda at: (at.unlink(), at.mkdir())
    yield from ((lambda at, content=content: at.write_bytes(content)) for content in [*CONTENTS, data[:len(data) // 2]])
    for place in range(0, len(data), len(data) // 5 + 1):
        flipped = data[:place] + bytes([data[place] ^ 1]) + data[place + 1:]
        yield lambda at, content=flipped: at.write_bytes(content)
    if file.name == "config.json":
        for key in (settings := json.loads(data)):
            for value in (None, [], "x", -1):
                changed = json.dumps(settings | {key: value})
                yield lambda at, content=changed: at.write_text(content)


@pytest.mark.parametrize("name", ["config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json"])
def test_no_damage_is_a_traceback(sound, tmp_path, name):
    refused = 0
    for damage in damages(sound / name):
        shutil.rmtree(tmp_path / "m", ignore_errors=True)
        shutil.copytree(sound, tmp_path / "m")
        damage(tmp_path / "m" / name)
        try:
            check_folder(tmp_path / "m")
            load_tokenizer(tmp_path / "m")
            load_language_model(tmp_path / "m")
        except JptError as error:
            assert "\n" not in str(error) and str(tmp_path) in str(error)
            refused += 1
    assert refused > 3


def test_sound_folders_pass_and_rows_may_be_padded(sound, tmp_path):
    check_folder(sound)
    check_folder(model(96, tmp_path / "padded"))


def test_sentinels_count_as_rows_of_byt5(tmp_path):
    config = T5Config(vocab_size=384, d_model=8, d_kv=4, d_ff=8, num_layers=1, num_heads=2)
    T5EncoderModel(config).save_pretrained(tmp_path)
    ByT5Tokenizer().save_pretrained(tmp_path)
    check_folder(tmp_path)


@pytest.mark.parametrize("rows", [60, 170])
def test_units_that_are_not_the_rows_of_the_embedding(tmp_path, rows):
    with pytest.raises(DataError, match=rf"the tokenizer has 85 units, and config\.json an embedding of {rows} rows"):
        check_folder(model(rows, tmp_path / "m"))


@pytest.mark.parametrize("layers", [-1, 0, 10**9])
def test_numbers_of_layers_are_held_against_the_weights(sound, tmp_path, layers):
    shutil.copytree(sound, tmp_path / "m")
    path = tmp_path / "m" / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"num_hidden_layers": layers}))
    with pytest.raises(DataError, match=rf"config\.json is damaged: num_hidden_layers is {layers}"):
        check_folder(tmp_path / "m")


def test_limits_are_not_counts(sound, tmp_path):
    shutil.copytree(sound, tmp_path / "m")
    path = tmp_path / "m" / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"max_window_layers": 10**6}))  # of Qwen2
    check_folder(tmp_path / "m")


def test_a_unit_on_two_lines_is_refused(sound, tmp_path):
    shutil.copytree(sound, tmp_path / "m")
    units = [*UNITS[:40], UNITS[7], *UNITS[41:]]
    (tmp_path / "m" / "vocab.txt").write_text("\n".join(units), encoding="utf-8")
    with pytest.raises(DataError, match=r"vocab\.txt is damaged: line 41 is the same as line 8"):
        check_folder(tmp_path / "m")


@pytest.fixture(scope="module")
def own(tmp_path_factory) -> Path:
    """A model with a tokenizer of jpt's own."""
    folder = tmp_path_factory.mktemp("own")
    config = TokenizerConfig(kind="wordpiece", vocab_size=60)
    tokenizer = train_tokenizer(config, ["東京と京都は広い。", "部屋は良い。", "駅は遠い。"] * 5)
    tokenizer.save(folder)
    BertForMaskedLM(BertConfig(vocab_size=tokenizer.vocab_size, hidden_size=8, num_hidden_layers=1,
                               num_attention_heads=2, intermediate_size=8)).save_pretrained(folder)
    check_folder(folder)
    return folder


@pytest.mark.parametrize(("file", "change", "message"), [
    ("vocab.txt", lambda units: [units[4] if unit == units[2] else units[2] if unit == units[4] else unit
                                 for unit in units], "does not begin with"),
    ("vocab.txt", lambda units: [*units[:-2], units[7], units[-1]], "is the same as line 8"),
    ("jpt_tokenizer.json", None, "is missing, but tokenizer_config.json says that jpt made the tokenizer"),
    ("tokenizer_config.json", lambda lines: ["[]"], "holds no JSON object"),
])
def test_damage_to_a_tokenizer_of_jpt_is_seen(own, tmp_path, file, change, message):
    shutil.copytree(own, tmp_path / "m")
    path = tmp_path / "m" / file
    if change:
        path.write_text("\n".join(change(path.read_text(encoding="utf-8").split("\n"))), encoding="utf-8")
    else:
        path.unlink()
    with pytest.raises(DataError, match=message) as caught:
        check_folder(tmp_path / "m")
    assert "\n" not in str(caught.value) and str(tmp_path) in str(caught.value)


def test_a_shard_that_is_missing_is_named(sound, tmp_path):
    shutil.copytree(sound, tmp_path / "m")
    (tmp_path / "m" / "model.safetensors.index.json").write_text('{"weight_map": {"a": "model-2.safetensors"}}')
    with pytest.raises(DataError, match=r"model-2\.safetensors is missing"):
        check_folder(tmp_path / "m")
