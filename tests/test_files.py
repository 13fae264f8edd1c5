import bz2
import gzip
import lzma
from pathlib import Path

import pytest
import zstandard

from jptransfer.errors import ConfigError
from jptransfer.files import bare_name, bare_suffix, codec, new_file, new_folder, open_bytes

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
