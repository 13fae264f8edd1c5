"""Every source format, from files in their official layout that the tests write themselves."""

from __future__ import annotations

import bz2
import gzip
import json
import lzma
import tarfile
from pathlib import Path

import pytest
import zstandard

from jptransfer.config import OnError, SourceConfig
from jptransfer.corpora.error_policy import LONG_LINE, ErrorPolicy, read_lines
from jptransfer.corpora.readers_settings import FolderConfig
from jptransfer.errors import ConfigError, DataError
from jptransfer.registry import SOURCES

TEXT = "雨が降った。\n風も吹いた。\n\n星が出た。\n"
DOCUMENTS = [["雨が降った。", "風も吹いた。"], ["星が出た。"]]
COMPRESS = {".gz": gzip.compress, ".xz": lzma.compress, ".bz2": bz2.compress,
            ".zst": zstandard.ZstdCompressor().compress, "": bytes}


def read(path: Path | str, format: str = "text", policy: ErrorPolicy | None = None, **settings) -> list[list[str]]:
    return list(SOURCES.load(format)(SourceConfig(path=str(path), format=format, **settings), policy or ErrorPolicy()))


@pytest.mark.parametrize("suffix", COMPRESS)
def test_text_plain_and_compressed(tmp_path, suffix):
    path = tmp_path / f"a.txt{suffix}"
    path.write_bytes(COMPRESS[suffix](TEXT.encode()))
    assert read(path) == DOCUMENTS


@pytest.mark.parametrize("suffix", [".gz", ".xz", ".bz2", ".zst"])
def test_truncated_archive(tmp_path, suffix):
    path = tmp_path / f"a.txt{suffix}"
    noise = "".join(chr(0x4E00 + i * 7919 % 20000) for i in range(200_000))
    path.write_bytes(COMPRESS[suffix]((TEXT + noise).encode())[:-5000])
    with pytest.raises(DataError, match=r"a\.txt\..*truncated"):
        read(path)
    policy = ErrorPolicy(OnError.skip)
    read(path, policy=policy)
    assert policy.skipped == {"unreadable": 1}
    assert policy.examples["unreadable"].startswith(path.name)


def test_several_frames_of_a_compressed_file(tmp_path):
    for suffix in (".gz", ".xz", ".bz2", ".zst"):
        path = tmp_path / f"a.txt{suffix}"
        path.write_bytes(COMPRESS[suffix](TEXT.encode()) + COMPRESS[suffix]("\n二つ目。\n".encode()))
        assert read(path) == [*DOCUMENTS, ["二つ目。"]]


def test_not_what_its_name_says(tmp_path):
    for suffix in (".gz", ".xz", ".bz2", ".zst"):
        path = tmp_path / f"a.txt{suffix}"
        path.write_bytes(TEXT.encode())
        with pytest.raises(DataError, match="unreadable"):
            read(path)


def test_folder_glob_and_order(tmp_path):
    for name in ("b/2.txt", "a/1.txt", "a/.hidden", "c.txt"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(f"{name}の文\n", encoding="utf-8")
    assert read(tmp_path) == [["a/1.txtの文"], ["b/2.txtの文"], ["c.txtの文"]]
    assert read(tmp_path / "*" / "*.txt") == [["a/1.txtの文"], ["b/2.txtの文"]]


def test_missing_names_the_nearest(tmp_path):
    (tmp_path / "articles.txt").write_text("文\n", encoding="utf-8")
    with pytest.raises(DataError, match="did you mean 'articles.txt'"):
        read(tmp_path / "artcles.txt")
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match="holds no file"):
        read(tmp_path / "empty")
    policy = ErrorPolicy(OnError.skip)
    assert read(tmp_path / "nothing", policy=policy) == []
    assert policy.skipped == {"missing": 1}


def test_bad_bytes_by_line(tmp_path):
    path = tmp_path / "a.txt"
    path.write_bytes("一。\n".encode() + b"\xe3\x81\n" + "三。\n".encode())
    with pytest.raises(DataError, match=r"a\.txt:2: not utf-8: byte 0x"):
        read(path)
    policy = ErrorPolicy(OnError.skip)
    assert read(path, policy=policy) == [["一。", "三。"]]
    assert policy.skipped == {"bad_bytes": 1}


def test_empty_file(tmp_path):
    path = tmp_path / "a.txt"
    path.write_bytes(b"")
    with pytest.raises(DataError, match="empty"):
        read(path)


@pytest.mark.parametrize("encoding", ["euc_jp", "cp932", "utf-16", "utf-8-sig", "iso2022_jp"])
def test_encodings(tmp_path, encoding):
    path = tmp_path / "a.txt"
    path.write_bytes(TEXT.encode(encoding))
    assert read(path, encoding=encoding) == DOCUMENTS


def test_utf16_without_its_mark(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text(TEXT, encoding="utf-8")
    with pytest.raises(DataError, match=r"unreadable \(UTF-16 stream does not start with BOM\)"):
        read(path, encoding="utf-16")


def test_unknown_encoding(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text(TEXT, encoding="utf-8")
    with pytest.raises(ConfigError, match="utf8x"):
        read(path, encoding="utf8x")


def test_windows_line_ends_and_other_separators(tmp_path):
    path = tmp_path / "a.txt"
    path.write_bytes("\ufeff一\u2028だ。\r\n\r\n二。".encode())
    assert read(path) == [["一\u2028だ。"], ["二。"]]


def test_a_file_without_line_ends_is_read_in_parts(tmp_path):
    path = tmp_path / "a.txt"
    sentence = "とても長い行の中の一つの文。"
    path.write_text(sentence * 60_000, encoding="utf-8")
    lines = list(read_lines(path, "utf-8", ErrorPolicy(), LONG_LINE))
    assert lines == [(1, sentence)] * 60_000
    assert list(map(len, read(path, max_sentences=7000))) == [7000] * 8 + [4000]


def test_a_record_has_a_limit_that_names_its_line(tmp_path, monkeypatch):
    """A small archive can hold one line of gigabytes."""
    monkeypatch.setattr("jptransfer.corpora.error_policy.LONGEST_LINE", 1 << 20)
    path = tmp_path / "a.jsonl.gz"
    path.write_bytes(gzip.compress(b'{"text": "x"}\n{"text": "' + b"a" * (1 << 20) + b'"}\n'))
    lines = read_lines(path, "utf-8", ErrorPolicy(OnError.skip))
    assert next(lines) == (1, '{"text": "x"}')
    with pytest.raises(DataError, match=r"a\.jsonl\.gz:2: the line has more than 1 MiB"):
        next(lines)
    path.write_bytes(gzip.compress(b"a" * ((1 << 20) - 1) + b"\nb"))
    assert [number for number, _ in read_lines(path, "utf-8", ErrorPolicy())] == [1, 2]


def test_a_long_line_without_sentence_ends_or_with_bad_bytes(tmp_path):
    path = tmp_path / "a.txt"
    bad = b"\xff" * (LONG_LINE + 5)
    path.write_bytes("長".encode() * 1_000_000 + "\n次。\n".encode() + bad + "\n終。".encode())
    policy = ErrorPolicy(OnError.skip)
    lines = list(read_lines(path, "utf-8", policy, LONG_LINE))
    assert "".join(text for _, text in lines) == "長" * 1_000_000 + "次。終。"
    assert [number for number, _ in lines][-2:] == [2, 4]
    assert max(len(text) for _, text in lines) <= 2 * LONG_LINE
    assert policy.skipped["bad_bytes"] == 2


def test_max_sentences_and_splitting(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("一。二。三。\n四。\n\n五。\n", encoding="utf-8")
    assert read(path) == [["一。二。三。", "四。"], ["五。"]]
    assert read(path, split_sentences=True) == [["一。", "二。", "三。", "四。"], ["五。"]]
    assert read(path, split_sentences=True, max_sentences=3) == [["一。", "二。", "三。"], ["四。"], ["五。"]]
    assert read(path, max_sentences=1) == [["一。二。三。"], ["四。"], ["五。"]]


def test_jsonl(tmp_path):
    path = tmp_path / "a.jsonl.gz"
    rows = [{"title": "題", "text": "一。二。\n\n三。", "lang": "ja"},
            {"title": "他", "text": ["四。", "五。"], "lang": "en"}]
    path.write_bytes(gzip.compress("\n".join(json.dumps(row) for row in rows).encode()))
    assert read(path, "jsonl") == [["一。", "二。", "三。"], ["四。", "五。"]]
    assert read(path, "jsonl", columns=["title", "text"])[:2] == [["題"], ["一。", "二。", "三。"]]
    assert read(path, "jsonl", where={"lang": "en"}) == [["四。", "五。"]]


@pytest.mark.parametrize(("line", "message"), [
    ('{"text": "閉じない', "not JSON"), ("[1]", "object is expected"), ('{"txt": "a"}', "no field 'text'.*'txt'"),
    ('{"text": 3}', "holds no text"), ('{"text": null}', "holds no text"),
])
def test_malformed_json(tmp_path, line, message):
    path = tmp_path / "a.jsonl"
    path.write_text('{"text": "一。"}\n' + line + '\n{"text": "三。"}\n', encoding="utf-8")
    with pytest.raises(DataError, match=rf"a\.jsonl:2: .*{message}"):
        read(path, "jsonl")
    policy = ErrorPolicy(OnError.skip)
    assert read(path, "jsonl", policy) == [["一。"], ["三。"]]
    assert policy.skipped == {"malformed": 1}


def test_wikiextractor_elements(tmp_path):
    (tmp_path / "AA").mkdir()
    (tmp_path / "AA" / "wiki_00").write_text(
        '<doc id="5" url="https://example.org/?curid=5" title="A &amp; B">\nA & B\n\n一つ目。二つ目。\n節\n</doc>\n'
        '<doc id="6" url="x" title="空">\n空\n\n</doc>\n<doc id="7" url="x" title="三">\n三番目。\n</doc>\n',
        encoding="utf-8")
    (tmp_path / "AA" / "wiki_01.bz2").write_bytes(bz2.compress('<doc id="8" title="四">\n四。\n</doc>\n'.encode()))
    assert read(tmp_path, "wikiextractor") == [["一つ目。", "二つ目。", "節"], ["三番目。"], ["四。"]]


def test_wikiextractor_json(tmp_path):
    rows = [{"id": "5", "title": "題", "text": "題\n\n一つ目。二つ目。"},
            {"id": "6", "title": "他", "text": "三。\n四。"}]
    (tmp_path / "wiki_00").write_text("\n".join(json.dumps(row, ensure_ascii=False) for row in rows), encoding="utf-8")
    assert read(tmp_path, "wikiextractor") == [["一つ目。", "二つ目。"], ["三。", "四。"]]


@pytest.mark.parametrize(("text", "message"), [
    ('<doc id="1" title="題">\n一。\n', "not closed"),
    ('<doc id="1" title="題">\n一。\n<doc id="2" title="次">\n二。\n</doc>\n', "1: a <doc> that is not closed"),
    ("外の文。\n", "outside"), ('{"id": 3}\n', "no field 'text'"),
])
def test_malformed_wikiextractor(tmp_path, text, message):
    (tmp_path / "wiki_00").write_text(text, encoding="utf-8")
    with pytest.raises(DataError, match=message):
        read(tmp_path, "wikiextractor")


def test_folder_and_tar(tmp_path):
    inside = tmp_path / "in"
    inside.mkdir()
    (inside / "1.txt").write_text("一。二。\n\n三。\n", encoding="utf-8")
    (inside / "2.txt").write_text("四。\n", encoding="utf-8")
    expected = [["一。", "二。", "三。"], ["四。"]]
    assert read(inside, "folder") == expected
    assert read(inside, "folder", folder=FolderConfig(skip_lines=1)) == [["三。"]]
    for mode, name in (("w:gz", "a.tar.gz"), ("w:xz", "a.tar.xz"), ("w", "a.tar")):
        with tarfile.open(tmp_path / name, mode) as archive:
            for file in sorted(inside.iterdir()):
                archive.add(file, file.name)
        assert read(tmp_path / name, "folder") == expected
    (tmp_path / "b.tar").write_bytes((tmp_path / "a.tar").read_bytes()[:1030])
    with pytest.raises(DataError, match=r"b\.tar"):
        read(tmp_path / "b.tar", "folder")


def test_tsv(tmp_path):
    path = tmp_path / "a.tsv"
    path.write_text('1\t"一。二。\ttest\n2\t三\ttrain\n', encoding="utf-8")
    assert read(path, "tsv", columns=["1"]) == [['"一。二。'], ["三"]]
    assert read(path, "tsv", columns=["1", "0"], where={"2": "train"}) == [["三"], ["2"]]
    with pytest.raises(ConfigError, match="0-based"):
        read(path, "tsv")
    with pytest.raises(DataError, match=r"a\.tsv:1: 3 columns, but column 3"):
        read(path, "tsv", columns=["3"])


def test_hf_from_disk_and_from_a_folder(tmp_path):
    datasets = pytest.importorskip("datasets")
    rows = datasets.Dataset.from_dict({"text": ["一。二。", "三。"]})
    rows.save_to_disk(str(tmp_path / "one"))
    datasets.DatasetDict({"train": rows, "test": rows.select([1])}).save_to_disk(str(tmp_path / "dict"))
    (tmp_path / "raw").mkdir()
    (tmp_path / "raw" / "train.jsonl").write_text('{"text": "一。二。"}\n{"text": "三。"}\n', encoding="utf-8")
    for name in ("one", "dict", "raw"):
        assert read(tmp_path / name, "hf") == [["一。", "二。"], ["三。"]]
    assert read(tmp_path / "dict", "hf", split="test") == [["三。"]]
    with pytest.raises(ConfigError, match="no split 'tset'.*'test'"):
        read(tmp_path / "dict", "hf", split="tset")
    with pytest.raises(DataError, match="no field 'txt'"):
        read(tmp_path / "one", "hf", columns=["txt"])


def test_progress_counts_the_bytes(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text(TEXT, encoding="utf-8")
    seen: list[int] = []
    read(path, policy=ErrorPolicy(advance=seen.append))
    assert sum(seen) == len(TEXT.encode())


def test_csv_cells_are_documents_and_escaped_line_ends_are_line_ends(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text('"1","題","一行目、""引用""。\\n二行目。"\n"2","","別の文。"\n', encoding="utf-8")
    assert read(path, "csv", columns=["1", "2"]) == [["題"], ["一行目、\"引用\"。", "二行目。"], ["別の文。"]]
    assert read(path, "csv", columns=["2"], where={"0": "2"}) == [["別の文。"]]
