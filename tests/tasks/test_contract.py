"""What every registered kind of task has to do, over the cases of `tests.tasks.examples`."""

import json
from dataclasses import replace

import numpy as np
import pyarrow.parquet
import pytest
import torch
import transformers

from jptransfer.config import EvaluationConfig
from jptransfer.errors import DataError
from jptransfer.evaluation.errors import differences, worst
from jptransfer.evaluation.metrics import load_metric, metrics_for, score
from jptransfer.evaluation.predictions import Predictions, load_evaluation, write_evaluation
from jptransfer.evaluation.scoring import score_split
from jptransfer.learners.encoder_settings import EncoderFinetuningConfig
from jptransfer.learners.task_data import collate
from jptransfer.registry import HEADS, LOSSES, METRICS, TASKS
from jptransfer.tasks.abilities import Averages, Collapses, MarksSpans, ReadsTarget, Tokenized
from jptransfer.tasks.base import Level, Limits, load_kind, outcomes_of, same_task, unknown_target
from jptransfer.tasks.files import (
    open_dataset,
    read_examples,
    read_predictions,
    unlabelled,
    write_examples,
    write_predictions,
)
from tests.tasks.examples import CASES
from tests.tasks.fakes import PairTokenizer

KINDS = list(TASKS)
pytestmark = pytest.mark.parametrize("kind", KINDS)


def made(kind):
    return CASES[kind].task(kind), CASES[kind]


def encoded(kind):
    task, case = made(kind)
    return task, case.examples, task.encode(case.examples, PairTokenizer(), Limits(16))


def perfect(task, features):
    """Scores that say what the targets say."""
    for feature in features:
        known = feature.targets != unknown_target(feature.targets.dtype)
        if np.issubdtype(feature.targets.dtype, np.floating):
            rows = np.nan_to_num(feature.targets).reshape(-1, 1)
        else:
            rows = 30.0 * np.eye(len(task.outputs))[np.where(known, feature.targets, 0)]
        yield rows if task.output.level is Level.token else rows[0]


def right(kind):
    """Predictions of perfect scores, for the examples with gold."""
    task, examples, features = encoded(kind)
    found = task.decode(features, list(perfect(task, features)), examples)
    return task, [one for one in found if one.gold is not None]


def test_the_output_names_what_there_is(kind):
    output = load_kind(kind).output
    assert load_kind(kind).kind == kind
    assert output.loss in LOSSES and hasattr(transformers, output.auto_class)
    assert not output.head or HEADS.entries[output.head].level == output.level.value


def test_files_give_back_what_was_written(kind, tmp_path):
    task, case = made(kind)
    write_examples(task, tmp_path / "train.parquet", case.examples)
    write_examples(task, tmp_path / "again.parquet", case.examples)
    assert (tmp_path / "train.parquet").read_bytes() == (tmp_path / "again.parquet").read_bytes()
    write_predictions(task, tmp_path, {"validation": case.predictions, "test": case.predictions[:1]})
    (tmp_path / "task.json").write_text(json.dumps({"kind": kind}))
    (tmp_path / "labels.json").write_text(json.dumps(case.labels))
    opened = open_dataset(tmp_path)
    assert same_task(opened, task)
    assert read_examples(opened, tmp_path, "train") == case.examples
    assert read_predictions(opened, tmp_path, "validation") == case.predictions
    assert read_predictions(opened, tmp_path, "test") == case.predictions[:1]
    columns = pyarrow.parquet.read_schema(tmp_path / "predictions.parquet").names
    assert {"id", "text", "split", "gold", "prediction"} <= set(columns)


def test_a_second_text_is_in_files_inputs_and_predictions(kind, tmp_path):
    task, case = made(kind)
    examples = [replace(one, text_pair="東京 へ") for one in case.examples]
    write_examples(task, tmp_path / "train.parquet", [*examples, case.examples[0]])
    assert read_examples(task, tmp_path, "train") == [*examples, case.examples[0]]
    tokenizer = PairTokenizer()
    second = tokenizer.encode("東京 へ").ids
    assert [row["text"] for row in unlabelled(tmp_path / "train.parquet")][:2] == [examples[0].text, "東京 へ"]
    assert len(list(unlabelled(tmp_path / "train.parquet"))) == 2 * len(examples) + 1
    features = task.encode(examples, tokenizer, Limits(16))
    for feature, alone in zip(features, task.encode(case.examples, tokenizer, Limits(16)), strict=True):
        assert feature.input_ids == [*alone.input_ids, *second, 3]
        assert feature.segments == [0] * len(alone.input_ids) + [1] * (len(second) + 1) and not alone.segments
        assert feature.positions == alone.positions and feature.units == alone.units
        assert set(feature.special) == {*alone.special, len(feature.input_ids) - 1}
    found = task.decode(features, list(perfect(task, features)), examples)
    assert [one.text_pair for one in found] == ["東京 へ"] * len(examples)
    write_predictions(task, tmp_path, {"test": found})
    assert read_predictions(task, tmp_path, "test") == found
    (example,) = [task.example("x", "a", "b")]
    assert (example.text, example.text_pair) == ("a", "b")
    assert task.statistics(examples)["pairs"] == len(examples) and "pairs" not in task.statistics(case.examples)


def test_files_without_second_texts_have_no_column_for_them(kind, tmp_path):
    task, case = made(kind)
    write_examples(task, tmp_path / "train.parquet", case.examples)
    assert "text_pair" not in pyarrow.parquet.read_schema(tmp_path / "train.parquet").names


def test_encoding_gives_inputs_and_targets_of_one_type(kind):
    task, examples, features = encoded(kind)
    assert {feature.example for feature in features} == set(range(len(examples)))
    assert len({feature.targets.dtype for feature in features}) == 1
    per_token = task.output.level is Level.token
    for feature in features:
        assert len(feature.targets) == (len(feature.input_ids) if per_token else 1)
    blind = [feature.targets for feature in features if feature.example == len(examples) - 1]
    unknown = unknown_target(features[0].targets.dtype)
    assert all(np.array_equal(one, np.full_like(one, unknown), equal_nan=one.dtype.kind == "f") for one in blind)
    assert task.encoding_counts(examples, features)["examples"] == len(examples)
    new = task.example("7", "新しい")
    assert (new.id, new.text) == ("7", "新しい") and task.encode([new], PairTokenizer(), Limits(8))


def test_perfect_scores_give_the_gold(kind):
    task, found = right(kind)
    assert [one.id for one in found] == [one.id for one in CASES[kind].examples[:-1]]
    for one in found:
        assert task.error(one) < 1e-6  # targets are float32
        assert task.show(one.predicted) == task.show(one.gold)
    assert task.decode([], [], []) == []


def test_scores_that_are_not_finite_are_an_error(kind):
    task, examples, features = encoded(kind)
    with pytest.raises(DataError, match="not finite"):
        task.decode(features, [np.full_like(rows, np.nan) for rows in perfect(task, features)], examples)


def test_the_loss_is_least_at_the_targets(kind):
    task, examples, features = encoded(kind)
    loss = LOSSES.load(task.output.loss).make(features, len(task.outputs), EncoderFinetuningConfig())
    batch = collate(features, task.output.level, PairTokenizer.pad_id)
    width, scores = batch["input_ids"].shape[1], list(perfect(task, features))
    if task.output.level is Level.token:
        scores = [np.pad(rows, ((0, width - len(rows)), (0, 0))) for rows in scores]
    rows, targets = (torch.tensor(np.stack(scores), dtype=torch.float32), batch["labels"])
    rows, targets = rows.flatten(0, -2).requires_grad_(), targets.flatten(0, rows.dim() - 2)
    least = loss(rows, targets)
    known = int((targets != -100).sum()) if targets.dtype == torch.int64 else int((~targets.isnan()).sum())
    assert loss.total(targets) == known > 0
    assert least.item() == pytest.approx(0, abs=1e-5)
    other = loss(rows + torch.randn(rows.shape, generator=torch.manual_seed(0)) * 20, targets)
    other.backward()
    assert other > least and rows.grad.isfinite().all()


def test_metrics_are_best_where_all_is_right(kind):
    task, found = right(kind)
    outcomes = outcomes_of(task, found)
    for metric in metrics_for(task):
        best = metric.bounds[1] if metric.higher_is_better else metric.bounds[0]
        assert score(metric, outcomes) == pytest.approx(best, abs=1e-6), metric.name
    assert load_metric("", load_kind(kind)).name == task.metrics[0]
    with pytest.raises(DataError, match="no gold"):
        outcomes_of(task, CASES[kind].predictions)


def test_every_metric_that_fits_scores_resamples_and_exchanges(kind):
    task, case = made(kind)
    one, two = outcomes_of(task, case.predictions[:-1]), outcomes_of(task, [right(kind)[1][0]] * 2)
    fitting = [METRICS.load(name) for name in METRICS if issubclass(task.outcomes_type, METRICS.load(name).takes)]
    assert {metric.name for metric in fitting} >= set(task.metrics)
    for metric in fitting:
        a, b = metric.sample([one]), metric.sample([two])
        assert a.resampled(5, seed=0).shape == (5, 1) and np.isfinite(a.scores).all(), metric.name
        low, high = metric.bounds
        assert low <= a.scores[0] <= high
        assert sum(map(len, a.exchanged(b, 7, seed=0))) == 7


def test_predictions_are_written_as_cells_and_as_json(kind):
    task, case = made(kind)
    for one in case.predictions:
        assert len(task.cells(one)) == len(task.columns) and all(isinstance(cell, str) for cell in task.cells(one))
        values = task.values(one)
        assert values and json.loads(json.dumps(values, allow_nan=False)) == values


def test_an_evaluation_goes_to_disk_and_back(kind, tmp_path):
    task, case = made(kind)
    run = Predictions(task, "test", case.predictions[:-1])
    scores = score_split(run, metrics_for(task), EvaluationConfig(bootstrap=20))
    write_evaluation(tmp_path, task.metrics[0], [(run, scores)])
    again = load_evaluation(tmp_path)
    assert again.predictions("test").rows == run.rows and again.details == {"test": scores.details}
    assert list(again.metrics["test"]) == list(task.metrics)
    assert all(one["low"] <= one["high"] for one in again.metrics["test"].values())


def test_errors_are_ordered_and_compared(kind):
    task, case = made(kind)
    wrong = Predictions(task, "test", case.predictions[:-1])
    errors = [task.error(one) for one in worst(wrong, 9)]
    assert len(errors) == len(wrong.rows) and errors == sorted(errors, reverse=True) and errors[-1] > 0
    assert differences([wrong], [wrong]) == []
    assert worst(Predictions(task, "test", right(kind)[1]), 9) == [] or not task.exact


def test_training_examples_are_checked(kind):
    task, case = made(kind)
    assert task.check_training(case.examples[:-1]) == ""
    assert set(task.statistics(case.examples)) >= {"examples", "labels", "mean_length"}


def test_abilities(kind):
    task, case = made(kind)
    found = case.predictions[:-1]
    if isinstance(task, Averages):
        assert task.average([found, found, found]) == pytest.approx(found)
    if isinstance(task, Collapses):
        assert task.collapsed(right(kind)[1]) == ""
    if isinstance(task, ReadsTarget):
        one = case.examples[0]
        gold = task.outcomes([right(kind)[1][0]]).gold[0]
        assert task.read_target(one.id, one.text, str(gold)) == one
    if isinstance(task, Tokenized):
        assert task.without_tokens(case.examples[0]).text == case.examples[0].text
    if isinstance(task, MarksSpans):
        assert len(task.spans(found[0])) == 1 and task.units(found[0])
