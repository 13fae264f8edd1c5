import bz2
import gzip
import lzma
import math
import os
import socket
import stat
from pathlib import Path

import pytest
import zstandard

import jptransfer
from jptransfer.errors import ConfigError, DataError
from jptransfer.files import (
    bare_name,
    bare_suffix,
    check_new_file,
    codec,
    descriptor_of,
    json_text,
    new_file,
    new_folder,
    open_bytes,
)

TEXT = "".join(f"文{n}\n" for n in range(60_000)).encode()
PACK = {".gz": gzip.compress, ".bz2": bz2.compress, ".xz": lzma.compress, ".zst": zstandard.compress, ".txt": bytes}


@pytest.mark.parametrize("suffix", PACK)
def test_contents_and_several_members(tmp_path, suffix):
    path = tmp_path / f"a{suffix}"
    path.write_bytes(PACK[suffix](TEXT) + PACK[suffix](b"more\n"))
    with open_bytes(path) as stream:
        assert stream.read() == TEXT + b"more\n"
    with open_bytes(path) as stream:
        assert sum(1 for _ in stream) == 60_001


@pytest.mark.parametrize("suffix", [suffix for suffix in PACK if suffix != ".txt"])
@pytest.mark.parametrize("damage", [lambda raw: raw[:-9], lambda raw: raw[:len(raw) // 2], lambda raw: b"not it"])
def test_damage_raises(tmp_path, suffix, damage):
    path = tmp_path / f"a{suffix}"
    path.write_bytes(damage(PACK[suffix](TEXT)))
    with pytest.raises((OSError, EOFError, lzma.LZMAError)), open_bytes(path) as stream:
        stream.read()


def test_names():
    assert [bare_suffix(Path(name)) for name in ("a.tsv", "a.v2.CSV.gz", "a.zst", "a")] == [".tsv", ".csv", "", ""]
    assert codec("EUC-JP") == codec("eucjp") == "euc_jp"
    with pytest.raises(ConfigError, match="unknown character encoding 'utf-9'"):
        codec("utf-9")
    with pytest.raises(ConfigError, match=r"'latn-1' \(did you mean 'latin1'\?\)"):
        codec("latn-1")


@pytest.mark.parametrize(("path", "name"), [("d/a.tsv.gz", "a"), ("2026.11.txt", "2026.11"), ("a", "a"), ("a.XZ", "a")])
def test_a_files_name_without_suffixes(path, name):
    assert bare_name(Path(path)) == name


def test_a_new_folder_is_whole_or_not_there(tmp_path):
    with pytest.raises(KeyError), new_folder(tmp_path / "new", "to") as folder:
        (folder / "a").write_text("a")
        raise KeyError
    assert list(tmp_path.iterdir()) == []
    with new_folder(tmp_path / "in" / "new", "to") as folder:
        (folder / "a").write_text("a")
    assert (tmp_path / "in" / "new" / "a").read_text() == "a"
    with pytest.raises(ConfigError, match="to: .*new is there already"), new_folder(tmp_path / "in" / "new", "to"):
        pass


def test_two_writers_of_a_file_do_not_mix(tmp_path, monkeypatch):
    with new_file(tmp_path / "in" / "a") as one:
        one.write("one")
        monkeypatch.setattr("os.getpid", lambda: 0)
        with new_file(tmp_path / "in" / "a") as other:
            other.write("another")
        assert (tmp_path / "in" / "a").read_text() == "another"
    assert {path.name: path.read_text() for path in (tmp_path / "in").iterdir()} == {"a": "one"}


def test_of_two_writers_of_a_folder_the_first_wins(tmp_path, monkeypatch):
    with pytest.raises(ConfigError, match="to: .*new is there already"), new_folder(tmp_path / "new", "to") as one:
        (one / "a").write_text("one")
        monkeypatch.setattr("os.getpid", lambda: 0)
        with new_folder(tmp_path / "new", "to") as other:
            (other / "a").write_text("another")
    assert [path.name for path in tmp_path.iterdir()] == ["new"]
    assert (tmp_path / "new" / "a").read_text() == "another"


def written(path, text="new"):
    with new_file(path, "output") as stream:
        stream.write(text)


def test_a_link_stays_and_its_target_is_replaced(tmp_path):
    (tmp_path / "there").mkdir()
    real, link, second, dangling = (tmp_path / name for name in ("there/real", "link", "second", "dangling"))
    real.write_text("old")
    link.symlink_to("there/real")
    second.symlink_to(link)
    dangling.symlink_to("there/made")
    written(second)
    written(dangling, "made")
    assert [link.is_symlink(), second.is_symlink(), dangling.is_symlink()] == [True] * 3
    assert (real.read_text(), (tmp_path / "there" / "made").read_text()) == ("new", "made")
    assert sorted(path.name for path in (tmp_path / "there").iterdir()) == ["made", "real"]
    (tmp_path / "circle").symlink_to("circle")
    with pytest.raises(ConfigError, match="leads back to itself"):
        written(tmp_path / "circle")


def test_a_link_to_a_folder_stays(tmp_path):
    (tmp_path / "real").mkdir(mode=0o750)
    inode = (tmp_path / "real").stat().st_ino
    for name, to in (("link", "real"), ("dangling", "made")):
        (tmp_path / name).symlink_to(to)
        with new_folder(tmp_path / name, "to") as folder:
            (folder / "a").write_text("a")
        assert (tmp_path / name).is_symlink()
        assert (tmp_path / to / "a").read_text() == "a"
    after = (tmp_path / "real").stat()
    assert (after.st_ino, stat.S_IMODE(after.st_mode)) == (inode, 0o750)


@pytest.mark.parametrize("mode", [0o600, 0o664, 0o755])
def test_permissions_and_hard_links_of_a_file_are_kept(tmp_path, mode):
    path = tmp_path / "a"
    path.write_text("old and longer")
    path.chmod(mode)
    written(path)
    assert stat.S_IMODE(path.stat().st_mode) == mode
    (tmp_path / "other").hardlink_to(path)
    written(path, "both")
    assert (tmp_path / "other").read_text() == "both"


def test_a_failed_writer_leaves_the_old_file(tmp_path):
    (tmp_path / "a").write_text("old")
    with pytest.raises(KeyError), new_file(tmp_path / "a") as stream:
        stream.write("half")
        raise KeyError
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {"a": "old"}


def test_a_fifo_is_written_to(tmp_path):
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    reader = os.open(fifo, os.O_RDONLY | os.O_NONBLOCK)
    written(fifo)
    assert os.read(reader, 99) == b"new"
    os.close(reader)
    assert stat.S_ISFIFO(fifo.stat().st_mode)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root makes device nodes")
def test_a_device_stays_a_device(tmp_path):
    null, full = tmp_path / "null", tmp_path / "full"
    try:
        os.mknod(null, 0o666 | stat.S_IFCHR, os.makedev(1, 3))
        os.mknod(full, 0o666 | stat.S_IFCHR, os.makedev(1, 7))
        null.read_bytes()
    except OSError:
        pytest.skip("device nodes do not work here")
    written(null)
    with pytest.raises(OSError, match="No space"):
        written(full)
    assert [stat.S_ISCHR(path.lstat().st_mode) for path in (null, full)] == [True, True]


def test_a_socket_stays_a_socket(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with socket.socket(socket.AF_UNIX) as server:
        server.bind("s")
        with pytest.raises(ConfigError, match="cannot write to 's'"):
            written(Path("s"))
    assert stat.S_ISSOCK(Path("s").stat().st_mode)


@pytest.mark.parametrize("form", ["/dev/fd/{}", "/proc/self/fd/{}", "link"])
def test_an_open_descriptor_is_written_to_where_it_stands(tmp_path, form):
    with (tmp_path / "a").open("w") as file:
        file.write("before ")
        file.flush()
        name = Path(form.format(file.fileno()))
        if form == "link":
            name = tmp_path / "link"
            name.symlink_to(f"/dev/fd/{file.fileno()}")
        assert descriptor_of(name) == file.fileno()
        written(name)
        file.write(" after")
    assert (tmp_path / "a").read_text() == "before new after"
    with pytest.raises(ConfigError, match="cannot write to '/dev/fd/987'"):
        written(Path("/dev/fd/987"))
    with (tmp_path / "a").open() as file, pytest.raises(ConfigError, match="for reading only"):
        written(Path(f"/dev/fd/{file.fileno()}"))


def test_what_cannot_be_written_is_known_before(tmp_path):
    (tmp_path / "file").touch()
    for path, match in ((tmp_path, "is a folder"), (tmp_path / "file" / "x", "file' is not a folder"),
                        (tmp_path / ("あ" * 86), "has 258 bytes")):
        with pytest.raises(ConfigError, match=f"output: .*{match}"):
            check_new_file(path, "output")
    for name in ("あ" * 85, "b" * 255):
        written(tmp_path / name)
        assert (tmp_path / name).read_text() == "new"


def test_permissions_follow_the_umask(tmp_path):
    before = os.umask(0o027)
    try:
        with new_folder(tmp_path / "new", "to") as folder:
            (folder / "inner").mkdir(mode=0o700)
            (folder / "inner" / "a").touch(mode=0o600)
        found = [stat.S_IMODE(path.stat().st_mode) for path in sorted((tmp_path / "new").rglob("*"))]
        assert found == [0o750, 0o640]
    finally:
        os.umask(before)


@pytest.mark.parametrize(("value", "said"), [
    ({"a": [1.0, {"b": math.nan}]}, "a.1.b is nan"), ([math.inf], "0 is inf"), (-math.inf, " is -inf")])
def test_json_has_no_number_that_is_not_finite(value, said):
    with pytest.raises(DataError, match=f"{said}, which JSON has no number for"):
        json_text(value)


def test_json_is_written_in_one_place():
    """The others: quoted values in messages, the canonical form of identities, a digest, a tokenizer in memory."""
    source = Path(jptransfer.__file__).parent
    writers = {str(path.relative_to(source)) for path in source.rglob("*.py") if "json.dump" in path.read_text("utf-8")}
    assert writers == {"files.py", "artifacts/fingerprint.py", "artifacts/manifest.py", "datasets/span_json.py",
                       "search/study.py", "text/cutters.py"}
