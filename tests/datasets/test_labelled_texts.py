"""Readers of labelled texts that are not tables: lines of a label and a text, folders of labels, chABSA."""

import json

import pytest

from jptransfer.config import OnError, TaskConfig
from jptransfer.config.check import check
from jptransfer.datasets import chabsa, label_folders, label_text
from jptransfer.datasets.chabsa_settings import OpinionUnit, TargetType
from jptransfer.datasets.label_text_settings import LabelDetail, LabelTextConfig, SeveralLabels
from jptransfer.datasets.preparation import prepare
from jptransfer.errors import ConfigError, DataError

from .test_archives import pack, unpack


def lines(tmp_path, text, encoding="utf-8", on_error=OnError.stop, **settings):
    path = tmp_path / "texts.txt"
    path.write_bytes(text.encode(encoding))
    data = label_text.read(TaskConfig(files={"all": str(path)}, encoding=encoding, on_error=on_error,
                                      label_text=LabelTextConfig(**settings)))
    return [(one.label, one.text) for one in data.splits["all"]], data.counts


def test_a_label_and_a_text(tmp_path):
    text = "1 a café , 1 of a kind\n0\ttoo  long\n\n\ufeff2 \u3000字下げ\n"
    assert lines(tmp_path, text.removeprefix("\ufeff"))[0][:2] == [("1", "a café , 1 of a kind"), ("0", "too  long")]
    assert lines(tmp_path, "1 caf\xe9\n", "latin-1")[0] == [("1", "café")]
    assert lines(tmp_path, "very good|a film\n", separator="pipe")[0] == [("very good", "a film")]
    with pytest.raises(ConfigError, match=r"label_text\.separator: unknown separator 'pip'.*pipe"):
        check(TaskConfig(label_text=LabelTextConfig(separator="pip")))


def test_classes_of_trec(tmp_path):
    text = "DESC:manner How ?\nENTY:cremat What : which ?\n"
    assert lines(tmp_path, text)[0] == [("DESC:manner", "How ?"), ("ENTY:cremat", "What : which ?")]
    assert lines(tmp_path, text, labels=LabelDetail.coarse)[0] == [("DESC", "How ?"), ("ENTY", "What : which ?")]


FASTTEXT = ("__label__良い とても 良い 宿\n部屋 は __label__悪い\n__label__a __label__b どちら\nラベル なし\n"
            "__label__a\n")


def test_lines_of_fasttext(tmp_path):
    found, counts = lines(tmp_path, FASTTEXT, on_error=OnError.skip)
    assert found == [("良い", "とても 良い 宿"), ("悪い", "部屋 は")]
    assert counts == {"several labels": 1, "empty label": 1, "empty text": 1}
    with pytest.raises(DataError, match=r"texts\.txt:3: the line has 2 labels \(a, b\).*several=first"):
        lines(tmp_path, FASTTEXT)
    first, _ = lines(tmp_path, FASTTEXT, on_error=OnError.skip, several=SeveralLabels.first)
    assert ("a", "どちら") in first
    assert lines(tmp_path, "#よい 宿\n", prefix="#")[0] == [("よい", "宿")]


FOLDERS = {f"imdb/{split}/{label}/{number}.txt": f"{label} {split} {number}".encode()
           for split in ("train", "test") for label in ("pos", "neg") for number in range(6)}


@pytest.mark.parametrize("packed", [False, True])
def test_folders_of_labels_in_folders_of_splits(tmp_path, packed):
    files = FOLDERS | {"imdb/README.txt": b"no", "imdb/train/urls_pos.txt": b"no", "imdb/train/all.feat": b"no"}
    path = pack(tmp_path / "imdb.tar.gz", files) if packed else unpack(tmp_path / "in", files)
    config = TaskConfig(dataset="label_folders", files={"all": str(path)}, test_fraction=0.0, validation_fraction=0.25)
    prepared = prepare(config)
    sizes = {split: facts["labels"] for split, facts in prepared.statistics["splits"].items()}
    assert sizes["test"] == {"neg": 6, "pos": 6} and sum(sizes["train"].values()) == 9
    assert prepared.statistics["left_out"] == {label_folders.BESIDE: 2}


def test_folders_of_labels_alone(tmp_path):
    unpack(tmp_path / "a", {"pos/1.txt": "\ufeff良い\r\n宿\n".encode(), "neg/1.txt": "悪い".encode("cp932"),
                            "neg/2.txt": b" "})
    config = TaskConfig(files={"train": str(tmp_path / "a")}, on_error=OnError.skip)
    data = label_folders.read(config)
    assert [(one.id, one.label, one.text) for one in data.splits["train"]] == [("train/pos/1.txt", "pos", "良い\n宿")]
    assert data.counts == {"bad_bytes": 1, "empty text": 1}
    with pytest.raises(DataError, match=r"neg/1\.txt: not utf-8: byte 0x88 at byte 1.*encoding"):
        label_folders.read(TaskConfig(files={"train": str(tmp_path / "a")}))
    with pytest.raises(DataError, match=r"task\.files\.all: .*has no folders whose names could be labels"):
        label_folders.read(TaskConfig(files={"all": str(tmp_path / "a" / "pos")}))


def opinion(target, polarity, start, category="company#sales"):
    return {"target": target, "category": category, "polarity": polarity, "from": start, "to": start + len(target)}


REPORT = {"header": {"document_id": "E1"}, "sentences": [
    {"sentence_id": 0, "sentence": "売上は増え、利益は減った。",
     "opinions": [opinion("売上", "positive", 0), opinion("利益", "negative", 6, "company#profit")]},
    {"sentence_id": 1, "sentence": "企業業績は改善した。",
     "opinions": [opinion("企業業績", "positive", 0), opinion("業績", "neutral", 2), opinion("売上", "positive", 3)]},
    {"sentence_id": 2, "sentence": "横ばいである。", "opinions": [opinion("NULL", "neutral", 0, "NULL#general")]},
    {"sentence_id": 3, "sentence": "以上である。", "opinions": []}, {"sentence_id": 4, "opinions": []}]}


def reports(tmp_path):
    files = {f"data/e{number}_ann.json": json.dumps(REPORT, ensure_ascii=False).encode() for number in (1, 2)}
    return str(unpack(tmp_path / "chabsa", files))


def test_polarity_of_sentences_and_aspects(tmp_path):
    config = TaskConfig(files={"all": reports(tmp_path)}, on_error=OnError.skip)
    data = chabsa.polarity(config)
    assert [one.label for one in data.splits["all"]] == ["mixed", "positive", "neutral", "none"] * 2
    assert data.splits["all"][0].id == "e1_ann-0" and data.counts == {"malformed": 2}
    assert set(data.groups.values()) == {"e1_ann", "e2_ann"}
    config.chabsa_polarity.unit = OpinionUnit.aspect
    aspects = chabsa.polarity(config).splits["all"]
    assert len(aspects) == 12
    assert (aspects[1].text, aspects[1].label) == ("利益\t売上は増え、利益は減った。", "negative")
    with pytest.raises(DataError, match=r"e1_ann\.json: sentence 4: no field 'sentence'"):
        chabsa.polarity(TaskConfig(files={"all": reports(tmp_path)}))


def test_targets_of_opinions(tmp_path):
    config = TaskConfig(kind="ner", files={"all": reports(tmp_path)}, on_error=OnError.skip)
    data = chabsa.targets(config)
    found = [[(one.text[start:end], kind) for start, end, kind in one.entities] for one in data.splits["all"][:4]]
    assert found == [[("売上", "positive"), ("利益", "negative")], [("企業業績", "positive")], [], []]
    assert data.counts == {"targets not found": 2, "overlapping entities": 2, "malformed": 2}
    config.chabsa_targets.type = TargetType.category
    assert chabsa.targets(config).splits["all"][0].entities[1].type == "company#profit"


@pytest.mark.real
@pytest.mark.parametrize(("name", "size"), [("rt-polarity.all", 10662), ("subj.all", 10000)])
def test_real_lines(shared_data, task_config, name, size):
    path = shared_data / "en_sentiment" / name
    statistics = prepare(task_config("label_text", f"task.files.all={path}", "task.encoding=latin-1")).statistics
    assert statistics["read"] == {"all": size} and statistics["left_out"] == {}
    assert set(statistics["splits"]["train"]["labels"]) == {"0", "1"}
