import io
import tarfile

import pytest

from jptransfer.datasets.archives import members
from jptransfer.errors import DataError

FILES = {"text/b/1.txt": b"b", "text/a/2.txt": "あ".encode() * 5000, "text/a/._2.txt": b"mac", "text/.old/1.txt": b"o",
         "README": b"no"}


def pack(path, files=FILES):
    mode = {".xz": "w:xz", ".gz": "w:gz", ".tbz": "w:bz2", ".tar": "w"}[path.suffix]
    with tarfile.open(path, mode) as archive:
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return path


def unpack(folder, files=FILES):
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    return folder


@pytest.mark.parametrize("name", ["a.tar.xz", "a.tar.gz", "a.tbz", "a.tar", "folder"])
def test_archive_and_folder_agree(tmp_path, name):
    path = unpack(tmp_path / name) if name == "folder" else pack(tmp_path / name)
    found = dict(members(path, lambda name: name.startswith("text/")))
    assert list(found) == ["text/a/2.txt", "text/b/1.txt"]
    assert found["text/a/2.txt"] == FILES["text/a/2.txt"]


def test_nothing_wanted(tmp_path):
    with pytest.raises(DataError, match="none of the files"):
        list(members(pack(tmp_path / "a.tar.xz"), lambda name: False))


@pytest.mark.parametrize("name", ["a.tar.xz", "a.tar.gz", "a.tbz", "a.tar"])
def test_truncated_or_no_archive(tmp_path, name):
    path = pack(tmp_path / name)
    whole = path.read_bytes()
    path.write_bytes(whole[:len(whole) // 3])
    with pytest.raises(DataError, match="damaged, truncated or no tar archive"):
        list(members(path, lambda name: True))
    path.write_bytes(b"<html>not found</html>")
    with pytest.raises(DataError, match="damaged, truncated or no tar archive"):
        list(members(path, lambda name: True))


def test_what_is_no_archive_is_one_line(tmp_path):
    (tmp_path / "a.tar.gz").write_bytes(b"no archive at all")
    with pytest.raises(DataError, match=r"no tar archive \(file could not be opened successfully\)$") as caught:
        list(members(tmp_path / "a.tar.gz", lambda name: True))
    assert "\n" not in str(caught.value)


def test_an_archive_larger_than_memory_is_refused_before_it_is_read(tmp_path, monkeypatch):
    path = pack(tmp_path / "a.tar.gz")
    monkeypatch.setattr("jptransfer.datasets.archives.MOST_BYTES", 10_000)
    with pytest.raises(DataError, match="unpacks to more than .* GiB; unpack it and name the folder"):
        list(members(path, lambda name: True))
    assert dict(members(unpack(tmp_path / "folder"), lambda name: name == "README")) == {"README": b"no"}
