import gzip
import json
import lzma

import pytest
import zstandard

from jptransfer.config import OnError, Quotes, RolesConfig, TaskConfig
from jptransfer.config.check import check
from jptransfer.corpora.error_policy import UnreadableError
from jptransfer.datasets.text_file import read
from jptransfer.datasets.text_file_settings import TextFileConfig
from jptransfer.errors import ConfigError, DataError

ROWS = [("良い宿です。", "pos"), ("「最悪」の一言、", "neg"), ("普通 かな", "mid")]


def config(path, **settings):
    return TaskConfig(dataset="text_file", files={"train": str(path)}, **settings)


def pairs(data, split="train"):
    return [(example.text, example.label) for example in data.splits[split]]


def write(path, text, encoding="utf-8"):
    raw = text.encode(encoding)
    pack = {".gz": gzip.compress, ".xz": lzma.compress, ".zst": zstandard.compress}.get(path.suffix, bytes)
    path.write_bytes(pack(raw))
    return path


@pytest.mark.parametrize("name", ["a.tsv", "a.tsv.gz", "a.txt.xz", "a.csv", "a.csv.zst", "a.jsonl", "a.jsonl.gz"])
def test_formats_and_compressions_agree(tmp_path, name):
    if ".jsonl" in name:
        text = "\n".join(json.dumps({"n": 1, "text": t, "label": label}) for t, label in ROWS)
    else:
        separator = "," if ".csv" in name else "\t"
        text = "".join(f"{separator.join(row)}\r\n" for row in [("n", "text", "label"), *(("1", *row) for row in ROWS)])
    assert pairs(read(config(write(tmp_path / name, text)))) == ROWS


@pytest.mark.parametrize("kind", ["classification", "regression"])
@pytest.mark.parametrize("name", ["a.tsv", "a.csv.gz", "a.jsonl", "numbers.tsv"])
def test_pairs_of_texts(tmp_path, name, kind):
    rows = [("良い宿です。", "宿が良い", "1"), ("普通 かな", "とても良い", "0")]
    names = ("premise", "hypothesis", "verdict")
    if ".jsonl" in name:
        text = "\n".join(json.dumps(dict(zip(names, row, strict=True))) for row in rows)
    else:
        separator = "," if ".csv" in name else "\t"
        text = "".join(f"{separator.join(row)}\n" for row in [*([] if "numbers" in name else [names]), *rows])
    columns = ("0", "1", "2") if "numbers" in name else names
    settings = dict(zip(("text_column", "text_pair_column", "label_column"), columns, strict=True))
    found = read(config(write(tmp_path / name, text), kind=kind, **settings)).splits["train"]
    assert [(one.text, one.text_pair) for one in found] == [row[:2] for row in rows]


def test_a_row_without_its_second_text_is_malformed(tmp_path):
    path = write(tmp_path / "a.tsv", "text\tpair\tlabel\na\tb\t1\nc\t \t0\nd\te\t0\n")
    with pytest.raises(DataError, match=r"a\.tsv:3: the text_pair is empty"):
        read(config(path, text_pair_column="pair"))
    data = read(config(path, text_pair_column="pair", on_error=OnError.skip))
    assert [one.text_pair for one in data.splits["train"]] == ["b", "e"]
    assert data.counts == {"empty text_pair": 1}
    with pytest.raises(DataError, match=r"'par' \(did you mean 'pair'\?\).*\(task\.text_pair_column\)"):
        read(config(path, text_pair_column="par"))


def test_csv_quotes_and_line_breaks_in_cells(tmp_path):
    path = write(tmp_path / "a.csv", 'text,label\n"一行目\n二行目, ""引用""",良い\n')
    assert pairs(read(config(path))) == [('一行目\n二行目, "引用"', "良い")]


def test_tsv_quotes_are_characters_unless_asked_for(tmp_path):
    path = write(tmp_path / "a.tsv", 'text\tlabel\n"引用"で始まる\t1\n')
    assert pairs(read(config(path))) == [('"引用"で始まる', "1")]
    path = write(tmp_path / "b.tsv", 'text\tlabel\n"引用"\t1\n')
    assert pairs(read(config(path, text_file=TextFileConfig(quotes=Quotes.yes)))) == [("引用", "1")]


def test_columns_by_number_mean_no_header(tmp_path):
    path = write(tmp_path / "a.tsv", "x1\tpos\t良い\nx2\tneg\t悪い\n")
    data = read(config(path, text_column="-1", label_column="1", text_file=TextFileConfig(id_column="0")))
    assert [(e.id, e.text, e.label) for e in data.splits["train"]] == [("x1", "良い", "pos"), ("x2", "悪い", "neg")]


def test_header_can_be_said_to_be_there(tmp_path):
    path = write(tmp_path / "a.tsv", "text\tlabel\n良い\t1\n")
    data = read(config(path, text_column="0", label_column="1", text_file=TextFileConfig(header=True)))
    assert pairs(data) == [("良い", "1")]


@pytest.mark.parametrize(("header", "rows"), [
    ("0,1\n", [("良い", "1")]),
    ("1,0\n", [("1", "0"), ("良い", "1")]),
    ("", [("良い", "1")]),
])
def test_columns_may_be_named_by_their_numbers(tmp_path, header, rows):
    path = write(tmp_path / "a.csv", f"{header}良い,1\n")
    assert pairs(read(config(path, text_column="0", label_column="1"))) == rows


@pytest.mark.parametrize("encoding", ["euc_jp", "cp932", "utf-8-sig", "utf-16"])
def test_encodings(tmp_path, encoding):
    path = write(tmp_path / "a.tsv", "text\tlabel\n温泉\t良い\n", encoding)
    assert pairs(read(config(path, encoding=encoding))) == [("温泉", "良い")]


def test_one_file_with_a_column_of_splits_and_groups(tmp_path):
    path = write(tmp_path / "a.tsv", "text\tlabel\tpart\twho\n良\t1\ttrain\tA\n悪\t0\tvalidation\tA\n可\t1\tTest\tB\n")
    data = read(TaskConfig(dataset="text_file", files={"all": str(path)},
                           text_file=TextFileConfig(split_column="part", group_column="who")))
    assert {split: len(examples) for split, examples in data.splits.items()} == {"train": 1, "validation": 1, "test": 1}
    assert sorted(data.groups.values()) == ["A", "A", "B"]
    data = read(TaskConfig(dataset="text_file", files={"all": str(path)}))
    assert [e.id for e in data.splits["all"]] == ["all-1", "all-2", "all-3"]


def test_splits_of_a_column_may_have_names_of_their_own(tmp_path):
    rows = "".join(f"文{number}\t1\t{split}\n" for number, split in enumerate(
        ("train", "Dev", "valid", "test_news", "challenge")))
    path = write(tmp_path / "a.tsv", f"text\tlabel\tpart\n{rows}")
    settings = {"dataset": "text_file", "files": {"all": str(path)}, "text_file": TextFileConfig(split_column="part")}
    data = read(TaskConfig(**settings, roles=RolesConfig(final="challenge")))
    assert list(data.splits) == ["train", "development", "validation", "test_news", "challenge"]
    with pytest.raises(UnreadableError, match="'challenge' does not name a split"):
        read(TaskConfig(**settings))


def test_a_split_is_named_once(tmp_path):
    path = str(write(tmp_path / "a.tsv", "text\tlabel\n良\t1\n"))
    with pytest.raises(ConfigError, match="'validation' is named twice: train, val, validation"):
        read(TaskConfig(dataset="text_file", files={"train": path, "val": path, "validation": path}))


def test_json_values(tmp_path):
    rows = '{"text": "x", "label": 1}\n\n{"text": "y", "label": false}\n{"text": "z", "label": 0.5}'
    path = write(tmp_path / "a.jsonl", rows)
    assert pairs(read(config(path))) == [("x", "1"), ("y", "false"), ("z", "0.5")]


def test_a_wrong_column_lists_the_columns(tmp_path):
    path = write(tmp_path / "a.csv", "id,review,stars\n1,良い,5\n")
    with pytest.raises(DataError, match=r"column 'reviews' \(did you mean 'review'\?\); there are: id, review, stars "
                                        r"\(task.text_column\)"):
        read(config(path, text_column="reviews", label_column="stars"))
    path = write(tmp_path / "a.jsonl", '{"review": "x", "stars": 5}\n')
    with pytest.raises(DataError, match=r"unknown field 'star' \(did you mean 'stars'\?\).*\(task.label_column\)"):
        read(config(path, text_column="review", label_column="star"))


def test_files_without_header_have_the_first_lines_columns(tmp_path):
    path = write(tmp_path / "a.txt", "0 plain words\n1 plain words too\n")
    with pytest.raises(DataError, match=r"a\.txt:2: 4 columns instead of 3"):
        read(config(path, text_column="1", label_column="0", text_file=TextFileConfig("space")))
    with pytest.raises(DataError, match=r"there is no column 3, the file has 3"):
        read(config(path, text_column="3", label_column="0", text_file=TextFileConfig("space")))


BAD = {
    "tsv": "text\tlabel\n良い\t1\n悪い\n\t1\n普通\t \n最後\t0\n",
    "csv": 'text,label\n良い,1\n悪い\n,1\n普通,""\n多い,1,1\n最後,0\n',
    "jsonl": '{"text":"良い","label":1}\n{"text":"悪い"\n{"text":"","label":1}\n{"text":"普通","label":null}\n[1]\n'
             '{"text":"\\ud800","label":1}\n{"text":"最後","label":0}\n',
}


@pytest.mark.parametrize("suffix", BAD)
def test_bad_rows_stop_with_their_line_or_are_skipped_and_counted(tmp_path, suffix):
    path = write(tmp_path / f"a.{suffix}", BAD[suffix])
    line = 2 if suffix == "jsonl" else 3
    with pytest.raises(DataError, match=rf"a\.{suffix}:{line}: "):
        read(config(path))
    data = read(config(path, on_error=OnError.skip))
    assert pairs(data) == [("良い", "1"), ("最後", "0")]
    assert data.counts.total() == len(BAD[suffix].splitlines()) - (2 if suffix == "jsonl" else 3)


def test_bad_bytes(tmp_path):
    path = tmp_path / "a.tsv"
    path.write_bytes("text\tlabel\n良い\t1\n".encode() + b"\xff\xfe\t1\n" + "悪い\t0\n".encode())
    with pytest.raises(DataError, match=r"a\.tsv:3: not utf-8"):
        read(config(path))
    data = read(config(path, on_error=OnError.skip))
    assert (pairs(data), data.counts) == ([("良い", "1"), ("悪い", "0")], {"bad_bytes": 1})


def test_truncated_compression(tmp_path):
    path = write(tmp_path / "a.tsv.gz", "text\tlabel\n" + "".join(f"文{n}\t{n % 7}\n" for n in range(3000)))
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(DataError, match="damaged, truncated"):
        read(config(path))


@pytest.mark.parametrize("settings, message", [
    ({"files": {}}, "needs files for: train, validation, development, test, all"),
    ({"files": {"validation": "x"}}, "no training file"),
    ({"files": {"trian": "x"}}, "did you mean 'train'"),
    ({"files": {"train": "x", "all": "y"}}, "'all' cannot stand beside train"),
    ({"encoding": "utf-9"}, "unknown character encoding 'utf-9'"),
    ({"encoding": "base64"}, "unknown character encoding 'base64'"),
    ({"text_column": "text", "label_column": "1", "text_file": TextFileConfig(header=False)}, "read without header"),
])
def test_wrong_settings(tmp_path, settings, message):
    path = write(tmp_path / "a.tsv", "良い\t1\n")
    with pytest.raises(ConfigError, match=message):
        read(TaskConfig(dataset="text_file", **{"files": {"train": str(path)}, **settings}))


def test_a_missing_file_names_the_nearest(tmp_path):
    write(tmp_path / "train.tsv", "text\tlabel\n")
    with pytest.raises(DataError, match=r"task\.files\.train: no such file.*did you mean 'train\.tsv'"):
        read(config(tmp_path / "tarin.tsv"))


def test_a_link_to_nothing_is_no_hint(tmp_path):
    (tmp_path / "train.tsv").symlink_to(tmp_path / "gone")
    with pytest.raises(DataError, match=r"no such file or folder: '[^']*'$"):
        read(config(tmp_path / "train.tsv"))


def test_an_unknown_suffix_asks_for_the_separator(tmp_path):
    path = write(tmp_path / "a.dat", "text;label\n良い;1\n")
    with pytest.raises(ConfigError, match=r"^separator: what separates the columns of 'a\.dat'"):
        read(config(path))
    with pytest.raises(ConfigError, match=r"text_file\.separator: unknown separator 'tabs' \(did you mean 'tab'\?\)"):
        check(config(path, text_file=TextFileConfig("tabs")))
    for separator in (";", "semicolon"):
        assert pairs(read(config(path, text_file=TextFileConfig(separator)))) == [("良い", "1")]


@pytest.mark.parametrize(("name", "content", "settings", "said"), [
    ("a.csv", "text;label\n良い;1\n", {}, r"nothing else: is the separator right\? \(task.text_column\)"),
    ("a.csv", "text,label\n良い,1\n", {"text_file": TextFileConfig(id_column="n")}, r"\(task.text_file.id_column\)"),
    ("a.csv", "text,label\n良い,1\n", {"label_column": "text"}, "task.label_column=text is task.text_column too"),
    ("a.csv", "良い,1\n", {"text_column": "0", "label_column": "7"}, "no column 7, .*task.label_column"),
    ("a.csv", "text,label\r良い,1\r", {}, "a carriage return in a cell without quotes"),
    ("a.csv", "text,label\n良い,1\n".encode("cp932"), {}, "task.encoding can name another one, such as cp932"),
    ("a.jsonl", '{"text": "x", "label": NaN}', {}, "no text or number under: text, label"),
    ("a.jsonl", "[" * 100_000, {}, "nested too deeply"),
    ("a.jsonl", '{"text":' * 100_000, {}, "nested too deeply"),
])
def test_messages_name_the_setting_to_change(tmp_path, name, content, settings, said):
    path = tmp_path / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises((ConfigError, DataError), match=said):
        read(config(path, **settings))


def test_line_ends_that_a_file_writes_as_two_characters_are_restored(tmp_path):
    (tmp_path / "train.csv").write_text('"2","one\\n""two"""\n"1","three"\n', encoding="utf-8")
    made = TaskConfig(dataset="text_file", files={"train": str(tmp_path / "train.csv")}, text_column="1",
                      label_column="0", text_file=TextFileConfig(header=False, escaped_newlines=True))
    assert [one.text for one in read(made).splits["train"]] == ['one\n"two"', "three"]


def test_the_trial_pairs_of_semeval_are_the_validation_split(tmp_path):
    rows = "id\tpart\ta\tb\tscore\n1\ttrial\tx\ty\t4.5\n2\tTRAIN\tu\tv\t1\n"
    (tmp_path / "all.tsv").write_text(rows, encoding="utf-8")
    made = TaskConfig(dataset="text_file", files={"all": str(tmp_path / "all.tsv")}, kind="regression", text_column="a",
                      text_pair_column="b", label_column="score",
                      text_file=TextFileConfig(id_column="id", split_column="part"))
    data = read(made)
    assert [(one.text, one.text_pair, one.value) for one in data.splits["validation"]] == [("x", "y", 4.5)]
    assert list(data.splits) == ["validation", "train"]
