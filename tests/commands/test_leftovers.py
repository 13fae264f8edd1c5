"""Caches and work folders that cannot be read: set aside with one line, and the stage starts again."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from jptransfer.artifacts.digests import DigestCache
from jptransfer.corpora.spool import SpoolFile
from jptransfer.errors import WorkError
from jptransfer.training.checkpoint import load, save_atomically

pytestmark = pytest.mark.slow

FORMS = ["", "[]", "null", "{", "7", '"x"', "[" * 100_000, '{"a": 7}', '{"a": [1, 2]}', '{"a": [1, 2, 3, null]}',
         "\0"]


@pytest.fixture
def command(jpt, text) -> list[str]:
    command = ["encode", f"corpus.sources.mine.path={text}", "corpus.name=mine", "tokenizer=byte"]
    assert jpt(*command).code == 0
    return command


@pytest.mark.parametrize("form", FORMS)
def test_caches_of_every_form(tmp_path, capsys, form):
    file = tmp_path / "x.json"
    file.write_text(form)
    (tmp_path / "a.txt").write_text("a")
    assert DigestCache(file).of_file(tmp_path / "a.txt")
    assert capsys.readouterr().err.count("is set aside") == 1 and not file.exists()


@pytest.mark.parametrize("form", ["[]", '{"a": 7}'])
def test_a_cache_of_another_form_is_one_line(jpt, command, tmp_path, form):
    assert jpt(*command).code == 0
    caches = [*(tmp_path / "outputs" / "cache").rglob("*.json")]
    assert caches
    for file in caches:
        file.write_text(form)
    result = jpt(*command)
    assert result.code == 0 and "artifact: " in result.out and "Traceback" not in result.err
    assert result.err.count("is set aside") == len(caches)
    assert jpt(*command).err.count("is set aside") == 0, "on the next run there is nothing to say"


def test_a_cache_that_is_a_folder(tmp_path, capsys):
    (tmp_path / "digests.json").mkdir()
    (tmp_path / "a.txt").write_text("a")
    cache = DigestCache(tmp_path / "digests.json")
    cache.of_file(tmp_path / "a.txt")
    cache.save()
    assert (tmp_path / "digests.json").is_file() and "is set aside" in capsys.readouterr().err


def test_what_two_processes_learn_is_kept(tmp_path):
    for name in "ab":
        (tmp_path / name).write_text(name)
    first, second = (DigestCache(tmp_path / "digests.json") for _ in range(2))
    first.of_file(tmp_path / "a"), second.of_file(tmp_path / "b")
    first.save(), second.save()
    assert len(json.loads((tmp_path / "digests.json").read_text())) == 2


TRAIN = ["pretrain", "corpus=toy", "tokenizer=byte", "pretraining=toy", "pretraining.max_steps=4", "model=bert_tiny",
         "pretraining.max_length=32", "runtime.threads=1", "runtime.checkpoint_seconds=0", "runtime.progress=false"]


def other_form(file: Path) -> None:
    save_atomically([1, 2], file)


def other_state(file: Path) -> None:
    save_atomically(torch.load(file, weights_only=True) | {"state": {"step": "three"}}, file)


def other_model(file: Path) -> None:
    save_atomically(torch.load(file, weights_only=True) | {"model": {"x": torch.zeros(1)}}, file)


def half(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:file.stat().st_size // 2])


@pytest.mark.parametrize("damage", [half, other_form, other_state, other_model])
def test_a_damaged_checkpoint_is_set_aside(jpt, tmp_path, monkeypatch, damage):
    from jptransfer.artifacts import Store

    def killed(self, work, manifest):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        assert jpt("encode", *TRAIN[1:]).code == 0
        patch.setattr(Store, "publish", killed)
        assert jpt(*TRAIN).code == 130
    [file] = (tmp_path / "outputs" / "work").rglob("checkpoint.pt")
    damage(file)
    result = jpt(*TRAIN)
    assert result.code == 0 and "Traceback" not in result.err
    assert sum("it is set aside and the stage starts again" in line for line in result.err.splitlines()) == 1
    assert not list((tmp_path / "outputs" / "work").rglob("checkpoint.pt"))


def test_every_damage_of_a_checkpoint_is_one_error(tmp_path):
    file = tmp_path / "checkpoint.pt"
    save_atomically({"a": torch.arange(100), "b": [1, "x", None]}, file)
    data = file.read_bytes()
    for place in range(0, len(data), 37):
        file.write_bytes(data[:place])
        with pytest.raises(WorkError, match="checkpoint.pt cannot be read"):
            load(file)


@pytest.mark.parametrize("stage", ["prepare", "encode"])
@pytest.mark.parametrize("content", [b"", b"[]"])
def test_damaged_spools_and_ranges_are_set_aside(jpt, text, tmp_path, monkeypatch, stage, content):
    from jptransfer.artifacts import Store

    command = [stage, f"corpus.sources.mine.path={text}", "corpus.name=mine", "tokenizer=byte"]
    if stage == "encode":
        assert jpt("prepare", *command[1:]).code == 0 and jpt("tokenize", *command[1:]).code == 0

    def killed(self, work, manifest):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Store, "publish", killed)
        assert jpt(*command).code == 130
    files = [file for file in (tmp_path / "outputs" / "work").glob("*/.work/**/*") if file.is_file()]
    assert files
    for file in files:
        file.write_bytes(content)
    result = jpt(*command)
    assert result.code == 0, result.err
    assert sum("is set aside" in line for line in result.err.splitlines()) == 1
    assert jpt("artifacts", "verify").code == 0


@pytest.mark.parametrize("name", ["text", "records", "facts.json"])
def test_a_spool_whose_files_disagree(tmp_path, name):
    from jptransfer.corpora.cleaning import RECORD

    spool = SpoolFile(tmp_path)
    spool.text.write_bytes(b"")
    spool.records.write_bytes(b"")
    spool.facts.write_text('{"read": {}, "dropped": {}, "skipped": {}, "skipped_first": {}}')
    spool.check()
    (tmp_path / name).write_bytes(b"x" * (RECORD.itemsize + 1))
    with pytest.raises(WorkError):
        spool.check()


def test_what_was_read_while_a_source_was_another_is_read_again(jpt, text, tmp_path, monkeypatch):
    from jptransfer.artifacts import Store
    from jptransfer.corpora import spool

    command = ["prepare", f"corpus.sources.mine.path={text}", "corpus.name=mine"]
    original, finish = text.read_bytes(), spool.SpoolWriter.finish

    def killed(self, facts):
        finish(self, facts)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(spool.SpoolWriter, "__enter__", changing(text, spool.SpoolWriter.__enter__))
        patch.setattr(spool.SpoolWriter, "finish", killed)
        assert jpt(*command).code == 130
    text.write_bytes(original)
    assert jpt(*command).code == 0
    [corpus] = Store(tmp_path / "outputs").all("corpus")
    assert "別の文" not in "".join(file.read_text(encoding="utf-8") for file in corpus.path.glob("*.txt"))


def changing(text: Path, enter):
    def changed(self):
        text.write_text("別の文です。\n\n別の文でした。\n\n別の文だろう。\n", encoding="utf-8")
        return enter(self)

    return changed
