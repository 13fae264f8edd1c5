"""`jpt generate` as it is typed."""

import json

import pytest

from tests.inference.test_generate import BYTES, language_model


@pytest.fixture
def model(tmp_path):
    from jptransfer.models.pretrained import save_language_model

    folder = tmp_path / "model"
    folder.mkdir()
    save_language_model(language_model("multiplicative_lstm"), folder)
    BYTES.save(folder)
    return str(folder)


def test_the_settings_of_scripts(jpt, model, tmp_path):
    words = ["n=3", "length=20", "temperature=0.7", "top_k=40", "prime=雨🏨", "seed=3"]
    assert jpt("generate", model, *words, "output=x.jsonl").code == 0
    lines = (tmp_path / "x.jsonl").read_text(encoding="utf-8").splitlines()
    assert len(lines) == 3 and all(json.loads(line)["text"].startswith("雨🏨") for line in lines)
    shown = jpt("generate", model, *words)  # without a file: the texts themselves
    assert shown.out == "\n".join(json.loads(line)["text"] + "\n" for line in lines)
    again = jpt("generate", model, *words, "output=y.jsonl", "generation.clamp={unit: 2, value: -9, of: hidden}")
    assert again.code == 0 and (tmp_path / "y.jsonl").read_text(encoding="utf-8").splitlines() != lines


@pytest.mark.parametrize(("words", "message"), [
    (["generation.clamp={unit: 12}"], "generation.clamp.unit: 12 is out of range; the top layer has 12 units, 0 to 11"),
    (["generation.clamp={unit: 1, valu: 2}"], "unknown setting 'generation.clamp.valu' (did you mean"),
    (["generation.clamp={unit: 1, of: gate}"], "generation.clamp.of: Invalid value 'gate', expected one of [cell, hid"),
    (["generation.clamp={unit: 1, value: nan}"], "generation.clamp.value: nan is not a finite number"),
    (["temperature=-1"], "temperature: -1 is out of range"),
    (["lenght=3"], "unknown setting 'lenght' (did you mean 'length'?)"),
    (["length=0"], "length: 0 is out of range; it must be at least 1"),
    (["output=."], "output: '.' is a folder"),
])
def test_mistakes_are_one_line(jpt, model, words, message):
    result = jpt("generate", model, *words)
    assert result.code == 2 and message in result.err and result.err.count("\n") == 1 and not result.out


def test_models_of_another_kind_are_one_line(jpt, tmp_path):
    from transformers import BertConfig, BertForMaskedLM

    BertForMaskedLM(BertConfig(vocab_size=8, hidden_size=8, num_hidden_layers=1, num_attention_heads=2,
                               intermediate_size=8)).save_pretrained(tmp_path / "bert")
    (tmp_path / "empty").mkdir()
    for name, message in (("bert", "BertForMaskedLM, which is not a causal language model"),
                          ("empty", "holds no language model (it has no config.json)"), ("3fa9c1", "no artifact")):
        result = jpt("generate", name)
        assert result.code == 2 and message in result.err and result.err.count("\n") == 1


def test_text_appears_on_a_terminal_as_it_is_made(model, tmp_path):
    import os
    import pty
    import subprocess
    import sys

    reader, writer = pty.openpty()
    code = "import sys; from jptransfer import cli; cli.main(sys.argv[1:])"
    done = subprocess.run([sys.executable, "-c", code, "generate", model, "length=60", "n=2", "seed=1"], stdout=writer,
                          stderr=subprocess.PIPE, timeout=120, cwd=tmp_path, check=False)
    os.close(writer)
    shown = os.read(reader, 1 << 16).decode()
    assert done.returncode == 0, done.stderr
    assert not set(shown) & {chr(code) for code in range(32)} - {"\n", "\r"}  # nothing controls the terminal
    assert shown.replace("\r\n", "\n").count("\n\n") == 1


def test_released_weights_become_a_model_that_writes(jpt, tmp_path):
    import numpy as np

    from tests.models.test_radford2017 import random_arrays

    (tmp_path / "released").mkdir()
    for number, array in enumerate(random_arrays()):
        np.save(tmp_path / "released" / f"{number}.npy", array)
    made = jpt("import", "released", "imported")
    assert made.code == 0 and made.out.startswith("imported: imported (5 units,")
    assert jpt("generate", "imported", "length=5").code == 0
    assert "to: imported is there already" in jpt("import", "released", "imported").err
    (tmp_path / "released" / "3.npy").unlink()
    failed = jpt("import", "released", "other")
    assert failed.code == 2 and "3.npy (Wh, part 2 of 4) is missing" in failed.err and not (tmp_path / "other").exists()
    assert jpt("import", "nowhere", "other").err == "error: folder: there is no folder 'nowhere'\n"
