"""Manifests that parse but have another form: listed as damaged, and everything else works."""

from __future__ import annotations

import copy
import json
import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from jptransfer.artifacts import Manifest, Store
from jptransfer.errors import ArtifactError

pytestmark = pytest.mark.slow

NESTED: dict[str, Any] = {"a": {"b": [{"c": 1}]}}
VALUES = [None, [], [1, "x"], {}, 7, -1, 1.5, True, "text", "", NESTED, "../../x", "\ud800", 10**400]
VITAL = ("kind", "name", "fingerprint", "recipe", "inputs", "files", "schema")


def deep() -> dict[str, Any]:
    made: dict[str, Any] = {}
    for _ in range(200):
        made = {"a": made}
    return made


def mutations(value: Any) -> Iterator[tuple[str, Any]]:
    """Yield the manifest with each of its keys, at any depth, removed or replaced."""
    for path in list(paths(value)):
        for number, new in enumerate([..., *VALUES, deep()]):
            changed = copy.deepcopy(value)
            inner = changed
            for key in path[:-1]:
                inner = inner[key]
            if new is ...:
                del inner[path[-1]]
            else:
                inner[path[-1]] = new
            yield f"{'.'.join(path)} {number}", changed


def paths(value: Any, before: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    for key, inner in value.items() if isinstance(value, dict) else ():
        yield (*before, key)
        yield from paths(inner, (*before, key))


@pytest.fixture(scope="module")
def encoded(tmp_path_factory) -> Path:
    """An outputs folder with a corpus, a tokenizer and an encoded corpus."""
    import sys
    from unittest.mock import patch

    from jptransfer import cli

    root = tmp_path_factory.mktemp("encoded")
    text = "朝の市場は魚の匂いがする。\n\n港に船が着いた。\n\n雪が静かに積もる。\n"
    (root / "text.txt").write_text(text, encoding="utf-8")
    with patch.object(sys, "argv", ["jpt"]), pytest.raises(SystemExit) as ending:
        cli.main(["encode", f"corpus.sources.mine.path={root / 'text.txt'}", "corpus.name=mine", "tokenizer=byte",
                  f"outputs_root={root / 'outputs'}", f"hydra.run.dir={root / 'log'}"])
    assert not ending.value.code
    return root


@pytest.fixture
def outputs(encoded, tmp_path) -> Path:
    shutil.copytree(encoded / "outputs", tmp_path / "outputs")
    shutil.copyfile(encoded / "text.txt", tmp_path / "text.txt")
    return tmp_path / "outputs"


def test_a_mutation_is_a_manifest_or_one_error(outputs):
    store = Store(outputs)
    [file] = (outputs / "artifacts" / "encoded").glob("*/manifest.json")
    sound = json.loads(file.read_text(encoding="utf-8"))
    others = {one.label for one in store.all() if one.manifest.kind != "encoded"}
    tried = refused = 0
    for name, changed in mutations(sound):
        file.write_text(json.dumps(changed), encoding="utf-8")
        listed, damaged = store.survey("" if tried % 50 == 0 else "encoded")
        assert len(listed) + len(damaged) == (3 if tried % 50 == 0 else 1), name
        assert tried % 50 or others <= {one.label for one in listed}, name
        try:
            found = store.open(file.parent)
        except ArtifactError as error:
            assert str(file) in str(error) and "\n" not in str(error), name
            refused += 1
        else:
            assert name.split(".")[0].split(" ")[0] not in ("kind", "name", "fingerprint", "schema") or (
                found.manifest == Manifest(**sound)), name
            if json.dumps(changed, sort_keys=True) != json.dumps(sound, sort_keys=True) and name.split()[0] != "seal":
                assert len(store.verify(found)) > 0, name
                with pytest.raises(ArtifactError, match=r"manifest\.json"):
                    store.check(found)
            if found.manifest.recipe != sound["recipe"]:
                assert store.verify(found) == ["manifest.json: recipe and fingerprint do not match"], name
                with pytest.raises(ArtifactError, match="recipe and fingerprint"):
                    store.check(found)
            store.lineage(found), store.dependents(found)
        tried += 1
    assert tried > 500 and refused > 150


@pytest.mark.parametrize(("key", "value"), [
    ("fingerprint", "0" * 64), ("inputs", {"corpus": {"fingerprint": 7}}), ("provenance", deep()),
])
def test_every_verb_goes_on_past_a_manifest_of_another_form(jpt, outputs, tmp_path, key, value):
    [file] = (outputs / "artifacts" / "corpus").glob("*/manifest.json")
    file.write_text(json.dumps(json.loads(file.read_text(encoding="utf-8")) | {key: value}), encoding="utf-8")
    name = file.parent.name
    listed = jpt("artifacts", "ls")
    assert listed.code == 0 and listed.out.count("\n") == 3
    assert sum("damaged: " in line for line in listed.out.splitlines()) == 1
    assert [one["kind"] for one in json.loads(jpt("artifacts", "ls", "--json").out) if one["damaged"]] == ["corpus"]
    checked = jpt("artifacts", "verify")
    assert checked.code == 1 and checked.out.count(": ok") == 2 and f"corpus/{name}: " in checked.out
    for action in (["show", name], ["diff", name, name]):
        result = jpt("artifacts", *action)
        assert result.code == 2 and result.err.count("\n") == 1 and "manifest.json" in result.err
    encode = ["encode", f"corpus.sources.mine.path={tmp_path / 'text.txt'}", "corpus.name=mine", "tokenizer=byte"]
    assert jpt(*encode, "encoding.max_sentence_tokens=9").code == 0, "made anew"
    assert jpt("artifacts", "verify").code == 0


@pytest.mark.parametrize("where", ["fifo", "zero", "link", "large", "size", "seconds"])
def test_a_manifest_is_a_regular_file_of_limited_size_and_numbers(jpt, outputs, tmp_path, monkeypatch, where):
    [file] = (outputs / "artifacts" / "corpus").glob("*/manifest.json")
    text = file.read_text(encoding="utf-8")
    file.unlink()
    if where == "fifo":
        os.mkfifo(file)
    elif where == "zero":
        file.symlink_to("/dev/zero")
    elif where == "link":
        (tmp_path / "elsewhere.json").write_text(text, encoding="utf-8")
        file.symlink_to(tmp_path / "elsewhere.json")
    elif where == "large":
        monkeypatch.setattr("jptransfer.artifacts.manifest.LARGEST", 1 << 12)
        file.write_text(text + " " * 4096, encoding="utf-8")
    else:
        file.write_text(re.sub(rf'"{where}": [\d.]+', f'"{where}": {10**400}', text), encoding="utf-8")
    listed = jpt("artifacts", "ls")
    assert listed.code == 0 and len([line for line in listed.out.splitlines() if "damaged: " in line]) == 1
    for words in (["show", file.parent.name], ["pull", file.parent.name, f"remote={outputs}", "outputs_root=other"]):
        result = jpt("artifacts", *words)
        assert result.code == 2 and result.err.count("\n") == 1 and "manifest.json" in result.err, result
    assert not list(tmp_path.glob("other/artifacts/*/*"))


def test_rm_removes_what_has_a_damaged_manifest_and_nothing_outside(jpt, outputs, tmp_path):
    [file] = (outputs / "artifacts" / "corpus").glob("*/manifest.json")
    file.write_text("[]")
    assert jpt("artifacts", "rm", file.parent.name).code == 0 and not file.parent.exists()
    (tmp_path / "page").mkdir()
    (tmp_path / "page" / "manifest.json").write_text("{}")
    result = jpt("artifacts", "rm", str(tmp_path / "page"))
    assert result.code == 2 and (tmp_path / "page" / "manifest.json").is_file()


def test_a_manifest_that_names_itself_ends(jpt, outputs):
    [file] = (outputs / "artifacts" / "encoded").glob("*/manifest.json")
    data = json.loads(file.read_text(encoding="utf-8"))
    data["inputs"]["corpus"] = {"kind": "encoded", "fingerprint": data["fingerprint"]}
    file.write_text(json.dumps(data), encoding="utf-8")
    assert jpt("artifacts", "lineage", file.parent.name).code == 0
    assert jpt("artifacts", "rm", file.parent.name).code == 0
