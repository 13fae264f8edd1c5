"""Damaged artifacts, folders, caches and work: one line that names the file, nothing published, right next time."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from jptransfer.artifacts import Store
from jptransfer.errors import ArtifactError, DataError
from jptransfer.models.folders import check_folder

pytestmark = pytest.mark.slow

BASE = ["task=toy_sentiment", "corpus=toy", "tokenizer=toy", "pretraining=toy", "pretraining.max_steps=2",
        "model=bert_tiny", "finetuning=toy", "finetuning.encoder.epochs=1", "finetuning.subset.n=16", "lm=pretrained",
        "evaluation.bootstrap=0", "runtime.threads=1", "runtime.progress=false"]
DEEP = "[" * 100_000


def delete(file: Path) -> None:
    file.unlink()


def halve(file: Path) -> None:
    data = file.read_bytes()
    file.write_bytes(data[:len(data) // 2])


def empty(file: Path) -> None:
    file.write_bytes(b"")


def flip(file: Path) -> None:
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 1
    file.write_bytes(bytes(data))


def to_folder(file: Path) -> None:
    file.unlink()
    file.mkdir()


def write(text: str) -> Callable[[Path], None]:
    def damage(file: Path) -> None:
        file.write_text(text)

    damage.__name__ = f"write_{text[:4]}"
    return damage


DAMAGES = [delete, halve, empty, flip, to_folder, write("[]"), write("null"), write(DEEP)]


@pytest.fixture(scope="module")
def sound(tmp_path_factory) -> Path:
    """An outputs folder with an artifact of every kind, and a plain folder of its language model."""
    import sys
    from unittest.mock import patch

    from jptransfer import cli

    root = tmp_path_factory.mktemp("sound")
    with patch.object(sys, "argv", ["jpt"]), pytest.raises(SystemExit) as ending:
        cli.main(["run", *BASE, f"outputs_root={root / 'outputs'}", f"hydra.run.dir={root / 'log'}"])
    assert not ending.value.code
    return root / "outputs"


@pytest.fixture
def outputs(sound, tmp_path) -> Path:
    shutil.copytree(sound, tmp_path / "outputs")
    return tmp_path / "outputs"


def folder(outputs: Path, kind: str) -> Path:
    [found] = (outputs / "artifacts" / kind).iterdir()
    return found


def one_line(result) -> str:
    lines = [line for line in result.err.splitlines() if line.startswith("error: ")]
    assert "Traceback" not in result.err and len(lines) == 1, result.err
    return lines[0]


def published(outputs: Path) -> set[str]:
    return {f"{path.parent.parent.name}/{path.parent.name}" for path in outputs.glob("artifacts/*/*/manifest.json")}


def test_every_damage_of_every_file_of_every_kind_is_seen_before_use(outputs):
    store = Store(outputs)
    seen = 0
    for artifact in store.all():
        store.check(artifact)
        for name in artifact.manifest.files:
            for damage in DAMAGES:
                file = artifact.path / name
                data = file.read_bytes()
                damage(file)
                if not file.is_file() or file.read_bytes() != data:
                    with pytest.raises(ArtifactError, match=f"{artifact.label} cannot be used: {name}"):
                        Store(outputs).check(artifact)
                    seen += 1
                if file.is_dir():
                    file.rmdir()
                file.write_bytes(data)
        store.check(artifact)
    assert seen > 200


def test_checking_unchanged_artifacts_reads_nothing(outputs, monkeypatch):
    for artifact in (store := Store(outputs)).all():
        store.check(artifact)
    store.digests.save()
    read = []
    monkeypatch.setattr("jptransfer.artifacts.digests.sha256_file", read.append)
    monkeypatch.setattr("jptransfer.artifacts.store.sha256_file", read.append)
    for artifact in (store := Store(outputs)).all():
        store.check(artifact)
    assert read == []


@pytest.mark.parametrize(("kind", "file", "damage", "more"), [
    ("corpus", "train.txt", flip, ["tokenize", "tokenizer.seed=5"]),
    ("corpus", "validation.txt", delete, ["encode", "encoding.max_sentence_tokens=7"]),
    ("tokenizer", "vocab.txt", halve, ["encode", "encoding.max_sentence_tokens=7"]),
    ("tokenizer", "jpt_tokenizer.json", delete, ["finetune", "lm=none", "corpus=toy"]),
    ("encoded", "train.ids.npy", empty, ["pretrain", "pretraining.seed=5"]),
    ("language_model", "model.safetensors", flip, ["finetune", "seed=5"]),
    ("language_model", "config.json", write("[]"), ["finetune", "seed=5"]),
    ("dataset", "validation.parquet", delete, ["finetune", "seed=5"]),
    ("dataset", "train.parquet", to_folder, ["finetune", "seed=5"]),
    ("task_model", "model.safetensors", flip, ["eval", "evaluation.confidence=0.9", "evaluation.bootstrap=20"]),
    ("evaluation", "predictions.parquet", halve, ["run", "report.name=other", "report.baseline=experiment"]),
    ("report", "results.md", delete, ["run"]),
])
def test_a_stage_that_would_read_damage_is_one_line(jpt, outputs, kind, file, damage, more):
    damage(folder(outputs, kind) / file)
    before = published(outputs)
    verb, *overrides = more
    line = one_line(result := jpt(verb, *BASE, *overrides))
    assert result.code == 2 and folder(outputs, kind).name in line and file in line and "artifacts rm" in line
    assert published(outputs) == before


def test_what_the_message_says_mends_it(jpt, outputs):
    language_model = folder(outputs, "language_model")
    flip(language_model / "model.safetensors")
    assert jpt("artifacts", "rm", folder(outputs, "corpus").name).code == 2, "sound, and needed"
    assert jpt("artifacts", "rm", language_model.name).code == 0
    assert jpt("finetune", *BASE, "seed=5").code == 0
    assert jpt("artifacts", "verify").code == 0 and folder(outputs, "language_model") == language_model


@pytest.mark.parametrize(("arguments", "kind", "file"), [
    (["predict", "{task_model}", "in.txt"], "task_model", "vocab.txt"),
    (["attention", "{task_model}", "in.txt", "output=o.html"], "task_model", "model.safetensors"),
    (["export", "{language_model}", "to"], "language_model", "model.safetensors"),
    (["export", "{tokenizer}", "to"], "tokenizer", "jpt_tokenizer.json"),
    (["compare", "{evaluation}", "{evaluation}"], "evaluation", "predictions.parquet"),
    (["finetune", *BASE, "corpus=none", "lm={language_model}"], "language_model", "config.json"),
])
def test_a_verb_that_is_given_damage_is_one_line(jpt, outputs, tmp_path, arguments, kind, file):
    (tmp_path / "in.txt").write_text("とても良い。\n", encoding="utf-8")
    names = {path.name: folder(outputs, path.name).name for path in (outputs / "artifacts").iterdir()}
    empty(folder(outputs, kind) / file)
    before = published(outputs)
    result = jpt(*(one.format(**names) for one in arguments))
    line = one_line(result)
    assert result.code == 2 and file in line and names[kind] in line and published(outputs) == before
    assert not (tmp_path / "to").exists() and not (tmp_path / "o.html").exists()


@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize("file", ["config.json", "model.safetensors", "vocab.txt", "jpt_tokenizer.json"])
def test_a_folder_without_a_manifest_shows_its_damage(jpt, outputs, tmp_path, file, damage):
    if damage is flip and file != "jpt_tokenizer.json":
        pytest.skip("nothing in the folder shows it")
    plain = tmp_path / "plain"
    shutil.copytree(folder(outputs, "language_model"), plain, ignore=shutil.ignore_patterns("manifest.json"))
    damage(plain / file)
    with pytest.raises(DataError) as found:
        check_folder(plain)
    assert str(plain) in str(found.value) and "\n" not in str(found.value)


@pytest.mark.parametrize("file", ["config.json", "model.safetensors", "vocab.txt"])
def test_a_damaged_folder_is_one_line_before_anything_is_built(jpt, outputs, tmp_path, file):
    plain = tmp_path / "plain"
    shutil.copytree(folder(outputs, "language_model"), plain, ignore=shutil.ignore_patterns("manifest.json"))
    halve(plain / file)
    before = published(outputs)
    line = one_line(result := jpt("finetune", *BASE, "corpus=none", f"lm={plain}", "task.seed=5"))
    assert result.code == 2 and str(plain) in line and published(outputs) == before


def test_a_task_model_without_a_manifest_whose_labels_are_not_its_heads(jpt, outputs, tmp_path):
    plain = tmp_path / "plain"
    shutil.copytree(folder(outputs, "task_model"), plain, ignore=shutil.ignore_patterns("manifest.json"))
    take = ["finetune", *BASE, "seed=5", f"transfer.source={plain}", "transfer.groups=[embeddings]"]
    settings = json.loads((plain / "task_model.json").read_text(encoding="utf-8"))
    settings["labels"].reverse()
    (plain / "task_model.json").write_text(json.dumps(settings), encoding="utf-8")
    line = one_line(result := jpt(*take))
    assert result.code == 2 and "task_model.json" in line and "config.json" in line
