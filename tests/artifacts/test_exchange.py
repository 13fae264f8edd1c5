"""Copies of artifacts from stores that are not trusted."""

from __future__ import annotations

import dataclasses
import json
import os
import stat
from pathlib import Path

import pytest

from jptransfer.artifacts import Artifact, Manifest, Store, fingerprint
from jptransfer.artifacts.manifest import FILE
from jptransfer.artifacts.store import recorded_files
from jptransfer.errors import ArtifactError


def make(outputs: Path, name: str = "kyoto", kind: str = "corpus", **changes: object) -> Artifact:
    """Write an artifact with a manifest that may lie."""
    recipe = {"stage": "prepare_corpus", "version": 1, "config": {}, "inputs": {}}
    manifest = Manifest(kind, name, fingerprint(recipe), recipe)
    folder = outputs / "artifacts" / "corpus" / f"kyoto-{manifest.id}"
    (folder / "inner").mkdir(parents=True)
    (folder / "train.txt").write_text("京都\n")
    (folder / "inner" / "a").write_text("a")
    manifest = dataclasses.replace(manifest, files=recorded_files(folder))
    (folder / FILE).write_text(json.dumps(dataclasses.asdict(manifest) | changes))
    return Artifact(folder, dataclasses.replace(manifest, **changes))  # type: ignore[arg-type]


def everything(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if not path.name.endswith(".lock"))


def test_a_sound_artifact_arrives_with_the_permissions_of_new_files(tmp_path: Path) -> None:
    made = make(tmp_path / "other")
    (made.path / "train.txt").chmod(0o600)
    (made.path / "unlisted").touch()
    before = os.umask(0o022)
    try:
        copied = Store(tmp_path / "other").copy(made, tmp_path / "mine")
    finally:
        os.umask(before)
    assert everything(copied) == ["inner", "inner/a", FILE, "train.txt"]
    assert Store(tmp_path / "mine").verify(Artifact(copied, Manifest.read(copied))) == []
    assert {stat.S_IMODE(path.stat().st_mode) for path in copied.rglob("*") if path.is_file()} == {0o644}


@pytest.mark.parametrize("changes", [
    {"kind": "{victim}"}, {"kind": "../../victim"}, {"kind": "dataset"}, {"kind": "."}, {"name": "../victim"},
    {"name": "osaka"}, {"name": "{victim}/x"}, {"fingerprint": "0" * 64}, {"recipe": {"stage": "x", "config": {}}},
    *({"files": {name: {"size": 3, "sha256": "0" * 64}}}
      for name in ("../../../victim/keep", "{victim}/keep", "", ".", "inner/../train.txt", FILE, ".work/x", "a" * 256)),
], ids=str)
def test_a_lying_manifest_writes_and_removes_nothing(tmp_path: Path, changes: dict) -> None:
    victim = tmp_path / "victim"
    victim.mkdir()
    (victim / "keep").write_text("yes")
    changes = json.loads(json.dumps(changes).replace("{victim}", str(victim)))
    made = make(tmp_path / "other", **changes)
    store = Store(tmp_path / "mine")
    with pytest.raises(ArtifactError, match=r"."):
        store.copy(made, store.outputs)
    assert (victim / "keep").read_text() == "yes"
    assert not store.outputs.exists()


@pytest.mark.parametrize("kind", ["link", "folder link", "fifo", "missing", "longer", "shorter", "changed"])
def test_only_regular_files_as_the_manifest_lists_them(tmp_path: Path, kind: str) -> None:
    made = make(tmp_path / "other")
    file = made.path / "train.txt"
    text = file.read_bytes()
    match kind:
        case "folder link":
            (made.path / "inner").rename(tmp_path / "inner")
            (made.path / "inner").symlink_to(tmp_path / "inner")
        case "link":
            (tmp_path / "secret").write_bytes(text)
            file.unlink()
            file.symlink_to(tmp_path / "secret")
        case "fifo":
            file.unlink()
            os.mkfifo(file)
        case "missing":
            file.unlink()
        case _:
            file.write_bytes({"longer": text * 2, "shorter": text[1:], "changed": text[::-1]}[kind])
    store = Store(tmp_path / "mine")
    with pytest.raises(ArtifactError, match="did not arrive whole"):
        store.copy(made, store.outputs)
    assert everything(store.outputs) in (["work"], ["cache", "work"])


def test_only_artifacts_of_the_store_are_removed_and_links_are_not_followed(tmp_path: Path) -> None:
    outside, store = make(tmp_path / "other"), Store(tmp_path / "mine")
    store.artifacts.mkdir(parents=True)
    with pytest.raises(ArtifactError, match="is not in the store"):
        store.remove(outside)
    (store.artifacts / "corpus").mkdir()
    link = store.artifacts / "corpus" / outside.path.name
    link.symlink_to(outside.path)
    store.remove(store.resolve(outside.id))
    assert not link.is_symlink()
    assert (outside.path / FILE).is_file()


def test_a_finished_work_folder_gets_the_name_of_the_run_that_asks(tmp_path: Path) -> None:
    store, made = Store(tmp_path / "mine"), make(tmp_path / "other", name="x" * 300)
    store.work.mkdir(parents=True)
    work = made.path.rename(store.work / made.id)
    whole = made.manifest.fingerprint
    assert store.finish(work, "dataset", "short", whole) is None
    found = store.finish(work, "corpus", "short", whole)
    assert found is not None
    assert (found.path.name, Manifest.read(found.path).name) == (f"short-{found.id}", "short")
