"""A regression from a table of texts and numbers to predictions, an evaluation, a report and an export."""

import json
from pathlib import Path

import numpy as np
import pyarrow.parquet
import pytest
import torch
from transformers import AutoModelForSequenceClassification, AutoTokenizer, pipeline

from jptransfer.tasks.files import PREDICTIONS

pytestmark = pytest.mark.slow

GOOD, BAD = ("最高", "快適", "親切"), ("最低", "残念", "不快")
THINGS = ("部屋", "朝食", "温泉", "接客", "立地", "眺め")


def table(path: Path, offset: int) -> Path:
    """Texts of two judgements, each of which adds or takes one."""
    rows = []
    for number, (one, two) in enumerate((a, b) for a in THINGS for b in THINGS if a != b):
        words = [(GOOD if (number + offset + place) % 5 < 3 else BAD)[(number + place) % 3] for place in range(2)]
        score = 3 + sum(1 if word in GOOD else -1 for word in words)
        rows.append(f"{one}は{words[0]}、{two}は{words[1]}。\t{score}.5")
    path.write_text("\n".join(["text\tscore", *rows]) + "\n", encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def root(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("regression")
    for number, split in enumerate(("train", "validation", "test")):
        table(folder / f"{split}.tsv", number)
    return folder


def settings(root: Path, *more: str) -> list[str]:
    files = [f"task.files.{split}={root / split}.tsv" for split in ("train", "validation", "test")]
    return ["task=text_file", "task.kind=regression", "task.label_column=score", "task.name=scores", *files,
            f"outputs_root={root / 'out'}", "runtime.device=cpu", "runtime.progress=false", *more]


def run(jpt, *arguments: str) -> Path:
    done = jpt(*arguments)
    assert done.code == 0, done.err
    return Path(done.out.rstrip().splitlines()[-1].partition(": ")[2])


ENCODER = ["model=bert_tiny", "corpus=toy", "lm=none", "tokenizer.kind=character", "finetuning.encoder.epochs=2",
           "finetuning.encoder.batch_size=8", "finetuning.encoder.max_length=48"]


def test_ridge_learns_the_numbers(root, jpt):
    found = run(jpt, "eval", *settings(root, "model=linear_tfidf", "evaluation.bootstrap=100"))
    scores = json.loads((found / "metrics.json").read_text())["test"]
    assert list(scores) == ["spearman", "pearson", "mse"]
    assert scores["spearman"]["value"] > 0.8 and scores["mse"]["value"] < 1.5
    assert all(one["low"] <= one["value"] <= one["high"] and one["n"] == 30 for one in scores.values())
    rows = pyarrow.parquet.read_table(found / PREDICTIONS).to_pylist()
    errors = [(row["prediction"] - row["gold"]) ** 2 for row in rows if row["split"] == "test"]
    assert scores["mse"]["value"] == pytest.approx(np.mean(errors))
    residuals = json.loads((found / "evaluation.json").read_text())["splits"]["test"]["residuals"]
    assert residuals["min"] <= residuals["q1"] <= residuals["median"] <= residuals["q3"] <= residuals["max"]


def test_an_encoder_of_a_part_of_the_texts_predicts_and_is_exported(root, jpt):
    model = run(jpt, "finetune", *settings(root, *ENCODER, "finetuning.subset.n=16"))
    assert json.loads((model / "manifest.json").read_text())["summary"]["values"]["train_examples"] == 16
    texts = ["部屋は最高。", "", "朝食は最低、眺めは残念。"]
    (root / "texts.txt").write_text("\n".join(texts) + "\n", encoding="utf-8")
    outputs = [f"outputs_root={root / 'out'}", "runtime.device=cpu", "runtime.progress=false"]
    assert jpt("predict", model.name, str(root / "texts.txt"), f"output={root / 'p.jsonl'}", *outputs).code == 0
    ours = [json.loads(line)["prediction"] for line in (root / "p.jsonl").read_text(encoding="utf-8").splitlines()]
    assert jpt("predict", model.name, str(root / "texts.txt"), f"output={root / 'p.tsv'}", *outputs).code == 0
    header, *lines = (root / "p.tsv").read_text(encoding="utf-8").splitlines()
    assert header == "text\tprediction" and [float(line.split("\t")[1]) for line in lines] == pytest.approx(ours)
    assert jpt("export", model.name, str(root / "plain"), *outputs[:1]).code == 0
    plain = AutoModelForSequenceClassification.from_pretrained(root / "plain")
    assert (plain.config.problem_type, plain.config.num_labels) == ("regression", 1)
    units = AutoTokenizer.from_pretrained(root / "plain")
    with torch.no_grad():
        theirs = [plain(**units(text, return_tensors="pt")).logits.item() for text in texts]
    assert theirs == pytest.approx(ours, abs=1e-5)
    assert pipeline("text-classification", model=str(root / "plain"))(texts[0])[0]["score"] == pytest.approx(ours[0])


def test_rows_are_compared_and_reported(root, jpt):
    page = run(jpt, "run", *settings(
        root, *ENCODER, "name=scores", "seeds=[0,1]", "+rows.ridge=[model=linear_tfidf]", "+rows.tiny=[]",
        "+rows.both=[+ensemble.second=[finetuning.encoder.epochs=1]]", "evaluation.bootstrap=50", "report.trials=100",
        "report.bootstrap=50"))
    results = json.loads((page / "results.json").read_text(encoding="utf-8"))
    [task] = results if isinstance(results, list) else results["results"]
    rows = {row["row"]: row for row in task["rows"]}
    assert task["metric"] == "spearman" and list(rows) == ["ridge", "tiny", "both"]
    assert rows["tiny"]["comparison"]["difference"] < 0 and rows["tiny"]["comparison"]["labels"] == {}
    html = (page / "report.html").read_text(encoding="utf-8")
    assert "Residuals on scores" in html and "Predicted and gold numbers of ridge" in html and "off by" in html
    assert "By label" not in html and "Confusion" not in html


@pytest.mark.parametrize(("override", "said"), [
    ("task.labels=[a]", "task.labels: a task of kind regression has no labels"),
    ("task.label_map={a: b}", "task.label_map: a task of kind regression has no labels"),
    ("task.word_source=tokenizer", "task.word_source"),
    ("finetuning.encoder.class_weights=balanced", "finetuning.encoder.class_weights: a task of kind regression"),
    ("finetuning.encoder.label_smoothing=0.1", "finetuning.encoder.label_smoothing: a task of kind regression"),
    ("finetuning.encoder.head.name=crf", "head 'crf' scores every token"),
    ("finetuning.encoder.metric_for_best_model=accuracy", "unknown metric of a regression task 'accuracy'"),
    ("evaluation.metrics=[kappa]", "evaluation.metrics: unknown metric of a regression task 'kappa'"),
    ("report.metric=macro_f1", "report.metric: unknown metric of a regression task 'macro_f1'"),
    ("model=fasttext", "model=fasttext cannot learn a task of kind regression"),
    ("task.kind=regresion", "did you mean 'regression'")])
def test_settings_that_mean_nothing_are_one_line_before_anything_is_built(root, jpt, tmp_path, override, said):
    done = jpt("eval", *settings(root, *ENCODER, f"outputs_root={tmp_path / 'out'}", override))
    message = done.err.strip().splitlines()[-1]
    assert done.code == 2
    assert message.startswith("error: ") and said in message
    assert not list(tmp_path.glob("out/artifacts/*/*"))


@pytest.mark.parametrize("cell", ["gut", "nan", "inf"])
def test_what_is_not_a_finite_number_names_its_line_or_is_counted(root, jpt, tmp_path, cell):
    path = tmp_path / "bad.tsv"
    path.write_text((root / "train.tsv").read_text(encoding="utf-8") + f"何か\t{cell}\n", encoding="utf-8")
    wrong = f"task.files.train={path}"
    done = jpt("prepare", *settings(root, wrong))
    assert done.code == 2 and f"bad.tsv:32: score: '{cell}' is not a" in done.err
    made = run(jpt, "prepare", *settings(root, wrong, "task.on_error=skip"))
    assert json.loads((made / "statistics.json").read_text())["left_out"] == {"unreadable score": 1}


def test_the_same_number_everywhere_leaves_nothing_to_learn(root, jpt, tmp_path):
    path = tmp_path / "same.tsv"
    path.write_text("text\tscore\n" + "".join(f"{thing}\t2\n" for thing in THINGS), encoding="utf-8")
    done = jpt("finetune", *settings(root, f"task.files.train={path}", "model=linear_tfidf"))
    assert done.code == 2 and "all 6 training examples have the value 2: nothing to learn" in done.err
