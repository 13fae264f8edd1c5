import pytest

from jptransfer.config import OnError, TaskConfig
from jptransfer.datasets.livedoor import read
from jptransfer.datasets.livedoor_settings import ArticlePart, LivedoorConfig
from jptransfer.errors import ConfigError, DataError
from tests.datasets.test_archives import pack

HEAD = "http://news.example/1/\n2012-01-01T00:00:00+0900\n"
FILES = {
    "text/README.txt": "読んでください".encode(),
    "text/sports-watch/LICENSE.txt": b"CC",
    "text/sports-watch/sports-watch-11.txt": f"{HEAD}勝った試合\n\n本文一。\n本文二。\n".encode(),
    "text/it-life-hack/it-life-hack-7.txt": f"{HEAD}速い電脳\r\n\r\n本文。\r\n続き。\r\n".encode(),
}


def config(path, **settings):
    return TaskConfig(dataset="livedoor", files={"all": str(path)}, **settings)


@pytest.mark.parametrize("part, texts", [
    ("titles", ["速い電脳", "勝った試合"]), ("bodies", ["本文。\n続き。", "本文一。\n本文二。"]),
    ("both", ["速い電脳\n本文。\n続き。", "勝った試合\n本文一。\n本文二。"])])
def test_parts(tmp_path, part, texts):
    archive = pack(tmp_path / "a.tar.xz", FILES)
    [examples] = read(config(archive, livedoor=LivedoorConfig(ArticlePart[part]))).splits.values()
    assert [(e.id, e.label) for e in examples] == [
        ("it-life-hack-7", "it-life-hack"), ("sports-watch-11", "sports-watch")]
    assert [e.text for e in examples] == texts


def test_a_broken_article(tmp_path):
    broken = {"text/peachy/peachy-1.txt": b"\xff\n", "text/peachy/peachy-2.txt": b"a\nb\n"}
    path = pack(tmp_path / "a.tar.gz", FILES | broken)
    with pytest.raises(DataError, match="peachy-1.txt"):
        read(config(path))
    data = read(config(path, on_error=OnError.skip))
    assert (len(data.splits["all"]), data.counts) == (2, {"malformed": 2})


def test_a_wrong_role(tmp_path):
    path = pack(tmp_path / "a.tar.gz", FILES)
    with pytest.raises(ConfigError, match="unknown role 'train'"):
        read(TaskConfig(dataset="livedoor", files={"train": str(path)}))
