"""A file per label, with a text per line."""

import tarfile

import pytest

from jptransfer.config import OnError, TaskConfig
from jptransfer.datasets.label_files import read
from jptransfer.datasets.label_files_settings import LabelFilesConfig
from jptransfer.errors import ConfigError, DataError

NAMES = {"negative": "rt.neg", "positive": "rt.pos"}


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "mr").mkdir()
    (tmp_path / "mr" / "rt.neg").write_bytes("too long .\n\na clich\u00e9 \n".encode("latin-1"))
    (tmp_path / "mr" / "rt.pos").write_bytes(b"a gem .\r\n")
    (tmp_path / "mr" / "README").write_bytes(b"not data")
    return tmp_path / "mr"


def config(path, names=NAMES, encoding="latin-1", **settings):
    return TaskConfig(dataset="label_files", files={"all": str(path)}, label_files=LabelFilesConfig(dict(names)),
                      encoding=encoding, **settings)


def test_lines_have_the_label_of_their_file(folder):
    data = read(config(folder))
    assert [(one.id, one.text, one.label) for one in data.splits["all"]] == [
        ("all-negative-1", "too long .", "negative"), ("all-negative-3", "a cliché", "negative"),
        ("all-positive-1", "a gem .", "positive")]


def test_an_archive_reads_as_its_folder(folder, tmp_path):
    with tarfile.open(tmp_path / "mr.tar.gz", "w:gz") as archive:
        archive.add(folder, "rt-polaritydata")
    assert read(config(tmp_path / "mr.tar.gz")).splits == read(config(folder)).splits


def test_a_missing_file_is_named_with_the_nearest(folder):
    with pytest.raises(DataError, match=r"there is no file 'rt.po' \(did you mean 'rt.pos'\?\) .*files.positive"):
        read(config(folder, NAMES | {"positive": "rt.po"}))


def test_no_file_a_path_and_one_file_for_two_labels_are_refused(folder):
    with pytest.raises(ConfigError, match="task.label_files.files: no file is named"):
        read(config(folder, {}))
    assert "is a path" in LabelFilesConfig({"a": "x/y"}).validate()
    assert "of two labels" in LabelFilesConfig({"a": "x", "b": "x"}).validate()


def test_bytes_of_another_encoding_are_named_or_counted(folder):
    with pytest.raises(DataError, match=r"rt.neg:3: not utf-8: byte 0xe9; task.encoding can name another"):
        read(config(folder, encoding="utf-8"))
    data = read(config(folder, encoding="utf-8", on_error=OnError.skip))
    assert len(data.splits["all"]) == 2 and data.counts == {"bad_bytes": 1}
