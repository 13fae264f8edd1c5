"""The stage that scores task models, with a predictor whose answers are known."""

import json

import pyarrow.parquet
import pytest

from jptransfer.config import EvaluationConfig
from jptransfer.errors import ConfigError, DataError
from jptransfer.evaluation.predictions import load_evaluation
from jptransfer.stages.evaluate import EvaluateStage, run
from jptransfer.tasks.base import make_task
from jptransfer.tasks.classification import LabelPrediction, TextExample
from jptransfer.tasks.files import write_examples
from jptransfer.tasks.ner import EntityExample, EntityPrediction
from jptransfer.tasks.spans import Span

pytestmark = pytest.mark.slow

POLARITY = make_task("classification", ["悪い", "良い"])
ENTITIES = make_task("ner", ["地名"])


class Optimist:
    """Says that everything is good, and that the first two characters of every text are a place."""

    def __init__(self, task):
        self.task = task

    def predict(self, examples, batch_size=64):
        if self.task.kind == "ner":
            return [EntityPrediction(e.id, e.text, list(e.tokens), list(e.entities), [Span(0, 2, "地名")], [0.7])
                    for e in examples]
        return [LabelPrediction(e.id, e.text, e.label, "良い", [0.2, 0.8]) for e in examples]


@pytest.fixture(autouse=True)
def single_texts(monkeypatch):
    """The models of these tests have no files that say whether they read pairs of texts."""
    monkeypatch.setattr("jptransfer.learners.prediction.reads_pairs", lambda folders: False)


@pytest.fixture
def model(monkeypatch):
    """Choose the task of the model that the stage loads."""

    def choose(task):
        monkeypatch.setattr("jptransfer.learners.prediction.load_predictor", lambda folder, runtime: Optimist(task))

    choose(POLARITY)
    return choose


def write_dataset(folder, task, splits):
    folder.mkdir()
    (folder / "task.json").write_text(json.dumps({"kind": task.kind, "name": "t"}), encoding="utf-8")
    (folder / "labels.json").write_text(json.dumps(task.labels), encoding="utf-8")
    for split, examples in splits.items():
        write_examples(task, folder / f"{split}.parquet", examples)
    return folder


@pytest.fixture
def reviews(tmp_path):
    labels = ["良い", "悪い", "良い", "良い"]
    examples = [TextExample(f"r{i}", f"宿の感想{i}", label) for i, label in enumerate(labels)]
    return write_dataset(tmp_path / "reviews", POLARITY, {"validation": examples[:2], "test": examples})


def evaluate(dataset, out, runtime, **settings):
    out.mkdir(exist_ok=True)
    inputs = {"task_model": dataset, "dataset": dataset}
    return run(EvaluateStage(EvaluationConfig(**{"bootstrap": 100, **settings})), inputs, out, runtime)


def test_scores_every_split_and_keeps_every_prediction(model, reviews, tmp_path, runtime):
    summary = evaluate(reviews, tmp_path / "out", runtime, splits=["validation", "test"])
    assert summary.values["test"]["accuracy"] == 0.75
    metrics = json.loads((tmp_path / "out" / "metrics.json").read_text(encoding="utf-8"))
    assert metrics["test"]["accuracy"] == {"value": 0.75, "low": 0.25, "high": 1.0, "n": 4}
    table = pyarrow.parquet.read_table(tmp_path / "out" / "predictions.parquet").to_pydict()
    assert {"id", "text", "gold", "prediction", "probability"} <= table.keys()
    assert (table["prediction"], table["probability"]) == (["良い"] * 6, [0.8] * 6)
    assert summary.headline.startswith("validation accuracy 0.5000 [")
    assert "; test accuracy 0.7500 [" in summary.headline
    evaluation = load_evaluation(tmp_path / "out")
    assert evaluation.splits == ["validation", "test"]
    assert evaluation.metric == "accuracy"
    assert evaluation.details["test"]["confusion"] == [[0, 1], [0, 3]]
    rows = evaluation.predictions("validation").rows
    assert [(row.id, row.gold, row.predicted, row.probabilities) for row in rows] == [
        ("r0", "良い", "良い", [0.2, 0.8]), ("r1", "悪い", "良い", [0.2, 0.8])]


def test_entities(model, tmp_path, runtime):
    model(ENTITIES)
    tokens = ((0, 2), (2, 3), (3, 5))
    kyoto, inn = (Span(0, 2, "地名"),), ()
    examples = [EntityExample("1", "京都に行く", kyoto, tokens), EntityExample("2", "宿で休む", inn, tokens)]
    dataset = write_dataset(tmp_path / "places", ENTITIES, {"test": examples})
    summary = evaluate(dataset, tmp_path / "out", runtime, splits=["test"], metrics=["token_accuracy"])
    assert summary.values["test"]["entity_precision"] == 0.5
    assert summary.values["test"]["token_accuracy"] == pytest.approx(5 / 6)
    assert "FB1:  66.67" in (tmp_path / "out" / "conlleval" / "test.txt").read_text(encoding="utf-8")


def test_same_inputs_same_bytes(model, reviews, tmp_path, runtime):
    for name in ("one", "two"):
        evaluate(reviews, tmp_path / name, runtime)
    files = sorted(p.relative_to(tmp_path / "one") for p in (tmp_path / "one").rglob("*") if p.is_file())
    assert len(files) == 3
    for file in files:
        assert (tmp_path / "one" / file).read_bytes() == (tmp_path / "two" / file).read_bytes()


def test_mistakes_are_found_before_the_model_is_loaded(reviews, tmp_path, runtime):
    (reviews / "validation.parquet").unlink()
    with pytest.raises(DataError, match="no split 'validation'; it has: test"):
        evaluate(reviews, tmp_path / "out", runtime, splits=["validation"])
    with pytest.raises(ConfigError, match="did you mean 'kappa'"):
        evaluate(reviews, tmp_path / "out", runtime, metrics=["cappa"])
    with pytest.raises(ConfigError, match="unknown metric of a classification task 'entity_f1'"):
        evaluate(reviews, tmp_path / "out", runtime, metrics=["entity_f1"])


def test_without_splits_it_is_the_one_of_the_final_role(model, tmp_path, runtime):
    examples = [TextExample(f"r{i}", f"宿の感想{i}", "良い") for i in range(3)]
    splits = {"validation": examples[:1], "test": examples[:2], "test_news": examples}
    dataset = write_dataset(tmp_path / "reviews", POLARITY, splits)
    assert list(evaluate(dataset, tmp_path / "out", runtime).values) == ["test"]
    (dataset / "task.json").write_text('{"kind": "classification", "roles": {"final": "test_news"}}', encoding="utf-8")
    summary = evaluate(dataset, tmp_path / "own", runtime)
    assert list(summary.values) == ["test_news"]
    assert load_evaluation(tmp_path / "own").metrics["test_news"]["accuracy"]["n"] == 3


def test_a_model_of_another_task_is_refused(model, reviews, tmp_path, runtime):
    model(make_task("classification", ["良い", "悪い"]))
    with pytest.raises(ConfigError, match="the model's task is classification .良い, 悪い., the data set's is"):
        evaluate(reviews, tmp_path / "out", runtime)


class Words:
    """Finds places in the texts that hold the words it knows."""

    task = ENTITIES

    def __init__(self, known):
        self.known = known

    def predict(self, examples, batch_size=64):
        return [EntityPrediction(e.id, e.text, list(e.tokens), list(e.entities),
                                 [Span(0, 2, "地名")] if e.text[:2] in self.known else [], []) for e in examples]


def with_epochs(tmp_path, monkeypatch, selected, *epochs):
    """A data set, and the folder of a model that knows `selected`, each epoch's what stands in `epochs`."""
    texts = ["京都へ", "奈良へ", "札幌へ", "那覇へ"]
    examples = [EntityExample(f"x{i}", text, (Span(0, 2, "地名"),), ((0, 2), (2, 3))) for i, text in enumerate(texts)]
    dataset = write_dataset(tmp_path / "entities", ENTITIES, {"validation": examples[:1], "test": examples})
    known = {"model": selected}
    for number, words in enumerate(epochs, 1):
        (tmp_path / "model" / "epochs" / str(number)).mkdir(parents=True)
        known[str(number)] = words
    monkeypatch.setattr("jptransfer.learners.prediction.load_predictor", lambda folder, _: Words(known[folder.name]))
    return dataset, tmp_path / "model"


def test_the_best_test_epoch_stands_beside_the_selected_one(tmp_path, monkeypatch, runtime):
    words = {"京都", "奈良", "札幌"}
    epochs = [{"奈良"}, {"奈良", "札幌", "那覇"}, words, {"京都"}, *[set()] * 6]
    dataset, model = with_epochs(tmp_path, monkeypatch, {"京都"}, *epochs)
    (tmp_path / "out").mkdir()
    config = EvaluateStage(EvaluationConfig(bootstrap=50, splits=["validation", "test"], oracle_epoch=True))
    summary = run(config, {"task_model": model, "dataset": dataset}, tmp_path / "out", runtime)
    scores = {split: metrics["entity_f1"] for split, metrics in summary.values.items()}
    assert scores == pytest.approx({"validation": 1.0, "test": 2 / 5, "oracle_validation_epoch": 1.0,
                                    "oracle_test_epoch": 6 / 7})
    assert "; test entity_f1 0.4000 [" in summary.headline
    assert "; oracle test epoch entity_f1 0.8571 [" in summary.headline
    found = load_evaluation(tmp_path / "out")
    assert [bool(one.predicted) for one in found.predictions("test").rows] == [True, False, False, False]
    # the second epoch is as good as the third: the first of them counts
    assert [bool(one.predicted) for one in found.predictions("oracle_test_epoch").rows] == [False, True, True, True]
    assert [bool(one.predicted) for one in found.predictions("oracle_validation_epoch").rows] == [True]
    assert {path.name for path in (tmp_path / "out" / "conlleval").iterdir()} == {
        f"{split}.txt" for split in scores}


def test_without_epochs_there_is_no_best_test_epoch(tmp_path, monkeypatch, runtime):
    dataset, model = with_epochs(tmp_path, monkeypatch, {"京都"})
    (tmp_path / "out").mkdir()
    config = EvaluateStage(EvaluationConfig(oracle_epoch=True))
    with pytest.raises(ConfigError, match=r"evaluation.oracle_epoch: .*finetuning.encoder.save_every_epoch=true"):
        run(config, {"task_model": model, "dataset": dataset}, tmp_path / "out", runtime)
