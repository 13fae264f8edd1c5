"""Labels on lines, as folders and in chABSA's documents, on small files in the official layouts."""

import json

import pytest

from jptransfer.config import OnError, TaskConfig
from jptransfer.datasets import chabsa, conll_file, label_folders, labelled_lines
from jptransfer.datasets.preparation import prepare
from jptransfer.errors import DataError
from jptransfer.tasks.spans import chunks

from .test_archives import pack, unpack


def config(path, dataset, **settings):
    return TaskConfig(dataset=dataset, files={"train": str(path)}, **settings)


def pairs(examples):
    return [(one.label, one.text) for one in examples]


@pytest.mark.parametrize(("text", "expected"), [
    ("1 a good film .\n0 silly and tedious\n", [("1", "a good film ."), ("0", "silly and tedious")]),
    ("DESC:manner How did it begin ?\n\nENTY:animal What has claws ?\n",
     [("DESC:manner", "How did it begin ?"), ("ENTY:animal", "What has claws ?")]),
    ("よい\t部屋が 広い\nわるい\u3000食事が遅い\n", [("よい", "部屋が 広い"), ("わるい", "食事が遅い")]),
    ("__label__よい 部屋が 広い\n食事が 遅い __label__わるい\n", [("よい", "部屋が 広い"), ("わるい", "食事が 遅い")]),
])
def test_labels_on_lines(tmp_path, text, expected):
    (tmp_path / "a.txt").write_text(text, encoding="utf-8")
    assert pairs(labelled_lines.read(config(tmp_path / "a.txt", "labelled_lines")).splits["train"]) == expected


@pytest.mark.parametrize(("line", "message"), [
    ("1", r"a\.txt:2: a label and a text are expected, not '1' alone"),
    ("__label__a __label__b 文", r"a\.txt:2: 2 labels \(a, b\); a text has one label here"),
    ("文だけ", r"a\.txt:2: 0 labels \(no __label__"),
    ("__label__a", r"a\.txt:2: there is no text beside the label"),
])
def test_lines_without_one_label_and_a_text(tmp_path, line, message):
    first = "0 文" if line == "1" else "__label__x 文"
    (tmp_path / "a.txt").write_text(f"{first}\n{line}\n", encoding="utf-8")
    with pytest.raises(DataError, match=message):
        labelled_lines.read(config(tmp_path / "a.txt", "labelled_lines"))
    data = labelled_lines.read(config(tmp_path / "a.txt", "labelled_lines", on_error=OnError.skip))
    assert len(data.splits["train"]) == 1 and data.counts == {"malformed": 1}


def test_movie_reviews_have_their_known_counts(shared_data):
    for name, count in (("rt-polarity.all", 10_662), ("subj.all", 10_000)):
        path = shared_data / "en_sentiment" / name
        task = config(path, "labelled_lines", encoding="latin-1", expected={"train": count})
        assert prepare(task).task.labels == ["0", "1"]


FOLDERS = {"pos/0_9.txt": "よい部屋。\n".encode(), "neg/1_2.txt": "遅い食事。".encode(), "unsup/2_0.txt": b"?",
           "README.txt": b"no"}


@pytest.mark.parametrize("name", ["folder", "a.tar.gz"])
def test_folders_of_labels(tmp_path, name):
    path = unpack(tmp_path / name, FOLDERS) if name == "folder" else pack(tmp_path / name, FOLDERS)
    data = label_folders.read(config(path, "label_folders"))
    assert sorted(pairs(data.splits["train"])) == [("neg", "遅い食事。"), ("pos", "よい部屋。"), ("unsup", "?")]


DOCUMENT = {"header": {"document_id": "E1"}, "sentences": [
    {"sentence_id": 0, "sentence": "売上は増え、利益は減った。", "opinions": [
        {"target": "売上", "category": "company#sales", "polarity": "positive", "from": 0, "to": 2},
        {"target": "利益", "category": "company#profit", "polarity": "negative", "from": 6, "to": 8}]},
    {"sentence_id": 1, "sentence": "景気は横ばい。", "opinions": [
        {"target": "景気", "category": "market#general", "polarity": "neutral", "from": 0, "to": 2}]},
    {"sentence_id": 2, "sentence": "以上です。", "opinions": []}]}


def chabsa_task(folder, **options):
    (folder / "e1_ann.json").write_text(json.dumps(DOCUMENT, ensure_ascii=False), encoding="utf-8")
    return TaskConfig(dataset="chabsa", files={"all": str(folder)}, options=options)


def test_sentences_and_aspects_of_chabsa(tmp_path):
    data = chabsa.read(chabsa_task(tmp_path))
    assert pairs(data.splits["all"]) == [("mixed", "売上は増え、利益は減った。"), ("neutral", "景気は横ばい。"),
                                        ("none", "以上です。")]
    assert set(data.groups.values()) == {"e1_ann.json"}
    data = chabsa.read(chabsa_task(tmp_path, unit="aspect"))
    assert pairs(data.splits["all"]) == [
        ("positive", "【売上】は増え、利益は減った。"), ("negative", "売上は増え、【利益】は減った。"),
        ("neutral", "【景気】は横ばい。")]


def test_other_json_is_no_document_of_chabsa(tmp_path):
    task = chabsa_task(tmp_path, unit="aspect")
    (tmp_path / "e2_ann.json").write_text('{"sentences": []}', encoding="utf-8")
    with pytest.raises(DataError, match=r"e2_ann\.json: not a document of chABSA \(KeyError: 'header'\)"):
        chabsa.read(task)


def test_bmes_and_bmeo_tags():
    tags = ["B-LOC", "M-LOC", "E-LOC", "S-PER", "O", "B-PER", "E-PER", "M-ORG"]
    assert [tuple(span) for span in chunks(tags)] == [(0, 3, "LOC"), (3, 4, "PER"), (5, 7, "PER"), (7, 8, "ORG")]


def test_comments_between_sentences_are_no_tokens(tmp_path):
    (tmp_path / "a.conll").write_text(
        "# sent_id = 1\n# text = 東京 # 1\n東京\tB-LOC\n#\tO\n# 1\tO\n\n# newdoc\n京都\tB-LOC\n\n#\tO\n京都\tB-LOC\n",
        encoding="utf-8")
    data = conll_file.read(config(tmp_path / "a.conll", "conll_file", kind="ner", separator="tab"))
    assert [[one.text[s:e] for s, e in one.tokens] for one in data.splits["train"]] == [
        ["東京", "#", "# 1"], ["京都"], ["#", "京都"]]
