import gzip
import io
import json
import lzma
import os
import sys
from types import SimpleNamespace

import numpy as np
import pytest
import zstandard

from jptransfer.config import OutputFormat, PredictConfig
from jptransfer.errors import ConfigError, DataError
from jptransfer.inference import predict
from jptransfer.inference.predict import check_output, predict_file
from jptransfer.learners import prediction
from jptransfer.tasks.base import Feature, make_task
from jptransfer.tasks.ner import EntityPrediction
from jptransfer.tasks.spans import Span

pytestmark = pytest.mark.slow

TEXTS = ["良い宿", "", "タブ\tと\\と改行", "悪い", "良い"]


class Polarity:
    """Says good to what holds 良; remembers how many texts it was given at a time."""

    task = make_task("classification", ["bad", "good"])

    def __init__(self):
        self.sizes = []

    def predict(self, examples, batch_size=64):
        self.sizes.append(len(examples))
        scores = [np.log([0.25, 0.75] if "良" in example.text else [0.9, 0.1]) for example in examples]
        return self.task.decode([Feature(i, [], np.empty(0)) for i in range(len(examples))], scores, examples)


class Places:
    """Finds 京都."""

    task = make_task("ner", ["LOC"])

    def predict(self, examples, batch_size=64):
        return [EntityPrediction(e.id, e.text, [], None, [Span(at, at + 2, "LOC")] if at >= 0 else [], [0.5][:at + 1])
                for e in examples for at in [e.text.find("京都")]]


@pytest.fixture
def polarity(monkeypatch):
    predictor = Polarity()
    monkeypatch.setattr(prediction, "load_predictor", lambda folder, runtime: predictor)
    monkeypatch.setattr(prediction, "reads_pairs", lambda folders: False)
    return predictor


def run(tmp_path, runtime, source, output="out.tsv", **settings):
    config = PredictConfig(artifact="", input=str(source), output=str(tmp_path / output), **settings)
    return predict_file(config, [tmp_path], runtime), (tmp_path / output).read_text(encoding="utf-8")


def as_lines(texts):
    return "".join(json.dumps({"id": i, "text": text}) + "\n" for i, text in enumerate(texts))


def unescape(cell):
    return cell.encode("ascii", "backslashreplace").decode("unicode_escape")


def test_a_row_for_every_text_and_texts_come_back(tmp_path, runtime, polarity):
    (tmp_path / "in.jsonl").write_text(as_lines(TEXTS))
    count, written = run(tmp_path, runtime, tmp_path / "in.jsonl")
    header, *rows = [line.split("\t") for line in written.split("\n")[:-1]]
    assert count == len(TEXTS) == len(rows)
    assert header == ["text", "prediction", "probability", "probability:bad", "probability:good"]
    assert [unescape(row[0]) for row in rows] == TEXTS
    assert rows[0][1:] == ["good", "0.750000", "0.250000", "0.750000"]


def test_lines_of_text_keep_empty_ones(tmp_path, runtime, polarity):
    (tmp_path / "in.txt").write_text("良い\n\n悪い", encoding="utf-8")
    count, written = run(tmp_path, runtime, tmp_path / "in.txt", "out.jsonl")
    assert count == 3
    assert [json.loads(line)["prediction"] for line in written.splitlines()] == ["good", "bad", "bad"]


def test_jsonl_keeps_the_inputs_fields(tmp_path, runtime, polarity):
    (tmp_path / "in.jsonl").write_text(as_lines(["良い\n宿"]))
    row = json.loads(run(tmp_path, runtime, tmp_path / "in.jsonl", "out.jsonl")[1])
    assert (row["id"], row["text"], row["prediction"]) == (0, "良い\n宿", "good")
    assert row["probability"] == row["probabilities"]["good"] == pytest.approx(0.75)


def test_jsonl_keeps_what_utf_8_has_no_bytes_for(tmp_path, runtime, polarity):
    line = '{"text": "\\u2028a", "id": "\\ud83d", "\\ude00": ["\\ud83d\\ude00"]}'
    (tmp_path / "in.jsonl").write_text(f"{line}\n", encoding="utf-8")
    run(tmp_path, runtime, tmp_path / "in.jsonl", "out.jsonl")
    answer, = (tmp_path / "out.jsonl").read_bytes().splitlines()
    assert {name: json.loads(answer)[name] for name in json.loads(line)} == json.loads(line)


def test_the_inputs_format_may_be_said(tmp_path, runtime, polarity):
    (tmp_path / "in").write_text(as_lines(["悪い\n宿"]), encoding="utf-8")
    row = json.loads(run(tmp_path, runtime, tmp_path / "in", "out.jsonl", input_format="jsonl")[1])
    assert (row["text"], row["prediction"]) == ("悪い\n宿", "bad")
    (tmp_path / "in.jsonl").write_text("良い\n悪い\n", encoding="utf-8")
    assert run(tmp_path, runtime, tmp_path / "in.jsonl", input_format="text")[0] == 2
    with pytest.raises(ConfigError, match="input_format: unknown input format 'tsv'"):
        run(tmp_path, runtime, tmp_path / "in", input_format="tsv")


@pytest.mark.parametrize(("suffix", "pack"), [
    ("gz", gzip.compress), ("xz", lzma.compress), ("zst", lambda data: zstandard.ZstdCompressor().compress(data))])
def test_compressed_input(tmp_path, runtime, polarity, suffix, pack):
    path = tmp_path / f"in.txt.{suffix}"
    path.write_bytes(pack("良い\n悪い\n".encode()))
    assert run(tmp_path, runtime, path)[0] == 2


def test_texts_are_streamed_in_chunks(tmp_path, runtime, polarity, monkeypatch):
    monkeypatch.setattr(predict, "CHUNK_BATCHES", 2)
    (tmp_path / "in.txt").write_text("良い\n" * 7)
    assert run(tmp_path, runtime, tmp_path / "in.txt", batch_size=2)[0] == 7
    assert polarity.sizes == [4, 3]


def test_entities_in_both_formats(tmp_path, runtime, monkeypatch):
    monkeypatch.setattr(prediction, "load_predictor", lambda folder, runtime: Places())
    monkeypatch.setattr(prediction, "reads_pairs", lambda folders: False)
    (tmp_path / "in.txt").write_text("𠮷が京都へ\nどこにも\n", encoding="utf-8")
    rows = [json.loads(line) for line in run(tmp_path, runtime, tmp_path / "in.txt", "out.jsonl")[1].splitlines()]
    assert rows[0]["entities"] == [{"start": 2, "end": 4, "type": "LOC", "text": "京都", "score": 0.5}]
    assert rows[1]["entities"] == []
    written = run(tmp_path, runtime, tmp_path / "in.txt")[1]
    assert written == "text\tentities\n𠮷が京都へ\t2:4:0.500000:LOC\nどこにも\t\n"


def test_standard_output(tmp_path, runtime, polarity, monkeypatch):
    stream = io.StringIO()
    monkeypatch.setattr(predict, "sys", SimpleNamespace(stdout=stream, stdin=sys.stdin))
    (tmp_path / "in.txt").write_text("良い\n", encoding="utf-8")
    predict_file(PredictConfig(artifact="", input=str(tmp_path / "in.txt")), [tmp_path], runtime)
    assert stream.getvalue().splitlines()[1].startswith("良い\tgood\t")


@pytest.mark.parametrize(("content", "said"), [
    (b'{"text": 3}\n', r"in.jsonl:1.*field 'text'"), (b'{"text": "a"}\n{"t\n', "in.jsonl:2.*JSON"),
    (b'{"a":' * 100_000, "in.jsonl:1.*nested too deeply"),
    (b'{"text": "\\ud83d"}\n', "in.jsonl:1"), (b"\xff\xfe\n", "in.jsonl:1")])
def test_a_bad_line_is_named_and_leaves_no_output(tmp_path, runtime, polarity, content, said):
    (tmp_path / "in.jsonl").write_bytes(content)
    with pytest.raises(DataError, match=said):
        run(tmp_path, runtime, tmp_path / "in.jsonl")
    assert [path.name for path in tmp_path.iterdir()] == ["in.jsonl"]


def test_other_clear_errors(tmp_path, runtime, polarity):
    (tmp_path / "nowhere.text").touch()
    with pytest.raises(DataError, match=r"nowhere\.txt: no such file or folder \(did you mean 'nowhere\.text'\?\)"):
        run(tmp_path, runtime, tmp_path / "nowhere.txt")
    with pytest.raises(ConfigError, match="input_format: .*did you mean 'jsonl'"):
        run(tmp_path, runtime, tmp_path / "in.txt", input_format="json1")


def test_an_output_named_as_a_folder_is_an_error():
    with pytest.raises(ConfigError, match="output: 'new/' is the name of a folder"):
        check_output("new/")


def test_an_output_that_cannot_be_written_is_an_error_before_the_model_is_loaded(tmp_path, runtime, monkeypatch):
    def load(*_):
        raise AssertionError("loaded")

    monkeypatch.setattr(prediction, "load_predictor", load)
    monkeypatch.setattr(prediction, "reads_pairs", lambda folders: False)
    (tmp_path / "in.txt").write_text("良い\n", encoding="utf-8")
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "a").touch()
    with pytest.raises(ConfigError, match="output: .*folder' is a folder"):
        run(tmp_path, runtime, tmp_path / "in.txt", "folder")
    with pytest.raises(ConfigError, match="output: .*folder is there already"):
        run(tmp_path, runtime, tmp_path / "in.txt", "folder", format=OutputFormat.brat)


def test_output_and_input_may_be_open_descriptors(tmp_path, runtime, polarity):
    read, write = os.pipe()
    os.write(write, "良い\n".encode())
    os.close(write)
    with (tmp_path / "out").open("w+") as out:
        config = PredictConfig(artifact="", input=f"/dev/fd/{read}", output=f"/dev/fd/{out.fileno()}")
        assert predict_file(config, [tmp_path], runtime) == 1
        out.seek(0)
        assert out.read().splitlines()[1].startswith("良い\tgood")
    os.close(read)


@pytest.mark.parametrize("name", ["a.csv", "a.tsv", "a.csv.gz"])
def test_a_table_is_not_taken_for_lines_of_text(tmp_path, name):
    (tmp_path / name).write_bytes(b"id,text\n1,x\n")
    with pytest.raises(ConfigError, match="is a table by its name"):
        predict.read_rows(str(tmp_path / name), "")
    if not name.endswith(".gz"):
        assert [row["text"] for row in predict.read_rows(str(tmp_path / name), "text")] == ["id,text", "1,x"]


def test_lines_of_pairs_have_tabs_and_so_may_their_file_be_named(tmp_path):
    (tmp_path / "pairs.tsv").write_text("a\tb\n", encoding="utf-8")
    assert [row["text"] for row in predict.read_rows(str(tmp_path / "pairs.tsv"), "", paired=True)] == ["a"]


def test_a_number_that_is_too_large_names_file_and_line(tmp_path):
    (tmp_path / "a.jsonl").write_text('{"text": "x"}\n{"text": "y", "score": 1e400}\n', encoding="utf-8")
    with pytest.raises(DataError, match=r"a\.jsonl:2: .*1e400 is too large"):
        list(predict.read_rows(str(tmp_path / "a.jsonl"), ""))


def test_an_error_in_the_first_texts_is_all_that_is_printed(tmp_path, runtime, polarity, monkeypatch):
    shown = io.StringIO()
    monkeypatch.setattr(predict, "sys", SimpleNamespace(stdout=shown, stdin=sys.stdin))
    (tmp_path / "in.jsonl").write_text("{no json\n", encoding="utf-8")
    with pytest.raises(DataError, match=r"in\.jsonl:1"):
        predict_file(PredictConfig(artifact="", input=str(tmp_path / "in.jsonl")), [tmp_path], runtime)
    assert shown.getvalue() == ""
