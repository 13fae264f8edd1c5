"""The store: finding, verifying, removing, copying; digests that follow content."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path

import pytest

from jptransfer.artifacts import Artifact, Manifest, Store, fingerprint
from jptransfer.artifacts.digests import DigestCache
from jptransfer.artifacts.store import recorded_files
from jptransfer.errors import ArtifactError


def put(store: Store, name: str, kind: str = "corpus", inputs: dict | None = None) -> Artifact:
    recipe = {"stage": "prepare_corpus", "version": 1, "config": {"name": name}, "inputs": {}}
    work = store.work / name
    work.mkdir(parents=True)
    (work / "train.txt").write_text(f"{name}\n")
    manifest = Manifest(kind, name, fingerprint(recipe), recipe, inputs=inputs or {}, files=recorded_files(work))
    return store.publish(work, manifest)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "outputs")


def test_published_is_found_by_fingerprint_short_id_name_and_path(store: Store) -> None:
    made = put(store, "kyoto")
    assert store.find(made.manifest.fingerprint) == made
    whole = made.manifest.fingerprint
    for reference in (made.id, made.id[:5], whole, whole[:20], made.path.name, made.label, str(made.path)):
        assert store.resolve(reference).manifest == made.manifest


def test_unknown_and_ambiguous_references_say_what_there_is(store: Store) -> None:
    made = put(store, "kyoto")
    put(store, "osaka")
    with pytest.raises(ArtifactError, match=f"did you mean '{made.path.name}'"):
        store.resolve(made.path.name[:-1] + "!")
    with pytest.raises(ArtifactError, match="ambiguous"):
        store.resolve("")


def test_a_reference_means_an_artifact_of_the_kinds_wanted(store: Store) -> None:
    made = put(store, "kyoto")
    other = Store(store.outputs)
    recipe = {"stage": "encode", "version": 1, "config": {}, "inputs": {}, "n": 0}
    while fingerprint(recipe)[0] != made.id[0]:
        recipe["n"] += 1
    work = other.work / "encoded"
    work.mkdir(parents=True)
    encoded = other.publish(work, Manifest("encoded", "kyoto", fingerprint(recipe), recipe))
    assert store.resolve(made.id[0], ("corpus",)) == made
    assert store.resolve(encoded.id, ("corpus",)) == encoded
    with pytest.raises(ArtifactError, match="ambiguous"):
        store.resolve(made.id[0])
    with pytest.raises(ArtifactError, match=r"\(did you mean 'none'\?\)$"):
        store.resolve("non", ("corpus",), ("none",))


def test_without_a_whole_manifest_there_is_no_artifact(store: Store) -> None:
    made = put(store, "kyoto")
    manifest = made.path / "manifest.json"
    manifest.write_text(manifest.read_text()[:40])
    assert store.find(made.manifest.fingerprint) is None
    assert store.all() == []
    again = put(store, "kyoto")
    assert store.find(made.manifest.fingerprint) == again


def test_verify_finds_a_flipped_bit_a_lost_file_and_a_stranger(store: Store) -> None:
    made = put(store, "kyoto")
    assert store.verify(made) == []
    file = made.path / "train.txt"
    data = bytearray(file.read_bytes())
    data[0] ^= 1
    file.write_bytes(bytes(data))
    (made.path / "extra").touch()
    assert store.verify(made) == ["extra: not in the manifest", "train.txt: bytes differ from the manifest"]
    file.unlink()
    assert "train.txt: missing" in store.verify(made)


def test_verify_finds_a_changed_recipe(store: Store) -> None:
    made = put(store, "kyoto")
    manifest = made.path / "manifest.json"
    manifest.write_text(manifest.read_text().replace('"stage": "', '"stage": "x'))
    assert store.verify(store.resolve(str(made.path))) == ["manifest.json: recipe and fingerprint do not match"]


def test_rm_refuses_while_something_depends_on_it(store: Store) -> None:
    corpus = put(store, "kyoto")
    made_from = {"corpus": {"kind": "corpus", "fingerprint": corpus.manifest.fingerprint}}
    tokenizer = put(store, "wp", "tokenizer", made_from)
    with pytest.raises(ArtifactError, match=tokenizer.path.name):
        store.remove(corpus)
    assert [(role, found.id) for _, role, found in store.lineage(tokenizer)] == [("corpus", corpus.id)]
    store.remove(tokenizer)
    store.remove(corpus)
    assert store.all() == []


def test_copies_arrive_whole_or_not_at_all(store: Store, tmp_path: Path) -> None:
    made = put(store, "kyoto")
    other = Store(tmp_path / "other")
    store.copy(made, other.outputs)
    assert other.find(made.manifest.fingerprint) is not None
    (made.path / "train.txt").write_text("changed")
    with pytest.raises(ArtifactError, match="whole"):
        store.copy(made, tmp_path / "third")


def test_a_copy_replaces_the_remains_of_a_killed_removal(store: Store, tmp_path: Path) -> None:
    made = put(store, "kyoto")
    copied = store.copy(made, tmp_path / "other")
    (copied / "manifest.json").unlink()
    store.copy(made, tmp_path / "other")
    assert Store(tmp_path / "other").find(made.manifest.fingerprint)


def test_manifest_of_another_schema_is_refused(store: Store) -> None:
    made = put(store, "kyoto")
    data = json.loads((made.path / "manifest.json").read_text())
    (made.path / "manifest.json").write_text(json.dumps(data | {"schema": 99}))
    with pytest.raises(ArtifactError, match="schema 99"):
        Manifest.read(made.path)


def test_digests_follow_content_not_place(tmp_path: Path) -> None:
    for folder in ("one", "two"):
        (tmp_path / folder / "sub").mkdir(parents=True)
        (tmp_path / folder / "sub" / "a.txt").write_text("花")
        (tmp_path / folder / ".hidden").write_text(folder)
    cache = DigestCache(tmp_path / "cache.json")
    assert cache.of_place(tmp_path / "one") == cache.of_place(tmp_path / "two")
    (tmp_path / "two" / "sub" / "a.txt").rename(tmp_path / "two" / "sub" / "b.txt")
    assert cache.of_place(tmp_path / "one") != cache.of_place(tmp_path / "two")


def test_a_files_suffixes_count_and_its_stem_does_not(tmp_path: Path) -> None:
    for name in ("a.tsv", "b.tsv", "a.csv"):
        (tmp_path / name).write_text("花,鳥\t風")
    cache = DigestCache(tmp_path / "cache.json")
    first, second, third = (cache.of_place(tmp_path / name) for name in ("a.tsv", "b.tsv", "a.csv"))
    assert first == second != third


def test_unchanged_files_are_not_read_again(tmp_path: Path, monkeypatch) -> None:
    file = tmp_path / "a.txt"
    file.write_text("花")
    cache = DigestCache(tmp_path / "cache.json")
    first = cache.of_file(file)
    cache.save()
    monkeypatch.setattr("jptransfer.artifacts.digests.sha256_file", lambda path: pytest.fail(f"{path} is read again"))
    assert DigestCache(tmp_path / "cache.json").of_file(file) == first


def test_bytes_that_change_under_the_old_modification_time_are_read_again(tmp_path: Path) -> None:
    file = tmp_path / "a.txt"
    file.write_text("花")
    cache = DigestCache(tmp_path / "cache.json")
    first, times = cache.of_file(file), file.stat()
    cache.save()
    time.sleep(0.02)
    file.write_text("鳥")
    os.utime(file, ns=(times.st_atime_ns, times.st_mtime_ns))
    assert DigestCache(tmp_path / "cache.json").of_file(file) != first


def test_a_manifest_that_was_changed_is_seen_whatever_was_changed(store: Store) -> None:
    made = put(store, "kyoto")
    file = made.path / "manifest.json"
    data = json.loads(file.read_text())
    assert len(data["seal"]) == 64
    store.check(made)
    file.write_text(json.dumps(data | {"summary": {"headline": "other"}}))
    assert store.verify(store.open(made.path)) == ["manifest.json: it was changed after it was written"]
    with pytest.raises(ArtifactError, match=r"cannot be used: manifest\.json: it was changed"):
        store.check(made)
    with pytest.raises(ArtifactError, match="changed after it was written"):
        store.copy(store.open(made.path), store.outputs / "other")
    del data["seal"]
    file.write_text(json.dumps(data))
    store.check(made)  # manifests of before had none


def test_half_written_files_are_not_published_when_a_killed_run_is_finished(store: Store) -> None:
    made = put(store, "kyoto")
    work = store.work / made.id
    made.path.rename(work)
    (work / "train.txt").write_text("kyo")
    assert store.finish(work, "corpus", "kyoto", made.manifest.fingerprint) is None
    (work / "train.txt").write_text("kyoto\n")
    assert store.finish(work, "corpus", "kyoto", made.manifest.fingerprint) == made


def test_a_lock_that_is_a_folder_is_set_aside(store: Store) -> None:
    (store.work / f"{'0' * 12}.lock" / "x").mkdir(parents=True)
    with store.lock("0" * 64, lambda: None) as work:
        assert work == store.work / ("0" * 12)


def test_strangers_that_a_file_manager_leaves_do_no_harm(store: Store) -> None:
    made = put(store, "kyoto")
    (made.path / ".DS_Store").touch()
    store.check(made)
    (made.path / "added_tokens.json").write_text("{}")
    with pytest.raises(ArtifactError, match=r"added_tokens\.json: not in the manifest"):
        store.check(made)


def test_the_lock_and_an_empty_work_folder_go_after_use(store: Store) -> None:
    with store.lock("0" * 64, lambda: None) as work:
        (work / ".work" / "deeper").mkdir(parents=True)
        assert work.with_suffix(".lock").exists()
    assert not list(store.work.iterdir())
    with store.lock("0" * 64, lambda: None) as work:
        (work / ".work").mkdir(parents=True)
        (work / ".work" / "checkpoint").write_text("half of it")
    assert [path.name for path in store.work.iterdir()] == [work.name]


def test_many_artifacts_are_removed_with_one_look_at_the_manifests(store: Store, monkeypatch) -> None:
    corpora = [put(store, f"corpus{number}") for number in range(4)]
    users = [put(store, f"tokenizer{number}", "tokenizer", {"corpus": {
        "kind": "corpus", "fingerprint": one.manifest.fingerprint}}) for number, one in enumerate(corpora)]
    kept = put(store, "kept", inputs={"corpus": {"kind": "corpus", "fingerprint": corpora[3].manifest.fingerprint}})
    read, looks = Manifest.read, []
    monkeypatch.setattr(Manifest, "read", lambda folder: (looks.append(folder), read(folder))[1])
    removed = list(store.remove_all([*corpora[:3], *users]))
    assert len(looks) == 9 and {one.path for one in removed[:4]} == {one.path for one in users}
    assert {one.path for one in store.all()} == {corpora[3].path, kept.path}
    with pytest.raises(ArtifactError, match="still needed by corpus/kept"):
        store.remove(corpora[3])


def test_a_list_reads_every_manifest_once(store: Store, monkeypatch) -> None:
    made = put(store, "kyoto")
    (put(store, "osaka").path / "manifest.json").write_text("{}")
    read, looks = Manifest.read, []
    monkeypatch.setattr(Manifest, "read", lambda folder: (looks.append(folder), read(folder))[1])
    sound, damaged = store.survey()
    assert sound == [made] and len(damaged) == 1 and len(looks) == 2


def test_names_of_any_bytes_have_digests(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    for name in ("\udcff.txt", "花.txt"):
        (tmp_path / "in" / name).write_text("花")
    cache = DigestCache(tmp_path / "cache.json")
    first = cache.of_place(tmp_path / "in")
    cache.save()
    assert DigestCache(tmp_path / "cache.json").of_place(tmp_path / "in") == first
