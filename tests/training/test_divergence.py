"""Numbers that are not finite end a run before anything of it is published, also those of the last update."""

import math

import numpy as np
import pytest

from jptransfer.config import FinetuningConfig, OptimizerConfig, ScheduleConfig
from jptransfer.errors import ConfigError, DataError
from jptransfer.learners import fasttext
from jptransfer.learners.encoder_settings import EncoderFinetuningConfig
from jptransfer.learners.fasttext_settings import FasttextConfig
from jptransfer.objectives.streams import perplexity
from jptransfer.stages import finetune as finetune_stage
from jptransfer.stages.finetune import FinetuneStage
from jptransfer.stages.pretrain import readable
from jptransfer.tasks.base import log_softmax
from jptransfer.training.checkpoint import CHECKPOINT
from jptransfer.training.context import TrainingContext
from jptransfer.training.divergence import check_figures
from jptransfer.training.loop import train
from jptransfer.training.types import LoopSettings
from tests import small
from tests.training.tiny import Points, SquaredError, cpu, small_network

FLAT = ScheduleConfig("constant", warmup=0.0)
SGD = OptimizerConfig("sgd", weight_decay=0.0, clip=0.0)


def learn(folder, evaluate=None, target=1.0, **settings):
    """Learn points whose values are `target` times the usual ones."""
    points = Points()
    points.y *= target
    values = LoopSettings(**{"steps": 1, "learning_rate": 1e38, "optimizer": SGD, "schedule": FLAT, **settings})
    context = TrainingContext(cpu())
    return train(small_network(), SquaredError(), points, values, context, folder, evaluate)


def test_weights_that_the_last_update_lost(tmp_path):
    with pytest.raises(ConfigError, match=r"4 of 4 weights are not finite after step 1, 0.weight first .* 1e\+38"):
        learn(tmp_path, target=1e3)
    assert not (tmp_path / CHECKPOINT).exists()


def test_rates_that_no_weight_can_have(tmp_path):
    with pytest.raises(ConfigError, match=r"learning_rate: 1e\+39 is more than the largest 32-bit number \(3.4e\+38"):
        learn(tmp_path, learning_rate=1e39)


def test_weights_that_are_finite_and_give_no_loss(tmp_path):
    with pytest.raises(ConfigError, match=r"training diverged: loss mse inf after step 1 \(learning rate 1e\+30\)"):
        learn(tmp_path, learning_rate=1e30)


@pytest.mark.parametrize("lost", [math.nan, math.inf, -math.inf])
def test_validation_figures_choose_nothing_when_they_are_not_finite(tmp_path, lost):
    figures = iter([0.5, lost, 0.7])
    with pytest.raises(ConfigError, match=f"training diverged: validation accuracy {lost} after step 2"):
        learn(tmp_path, lambda model, context: {"accuracy": next(figures), "loss": 1.0}, learning_rate=1e-3, steps=3,
              evaluate_at=frozenset({1, 2, 3}), metric_for_best_model="accuracy", patience=1)


def test_no_checkpoint_holds_lost_weights(tmp_path):
    """The update before the last one of an interval is not evaluated, and no loss has been taken since."""
    with pytest.raises(ConfigError, match="weights are not finite after step 1"):
        learn(tmp_path, target=1e3, steps=5, checkpoint_every=1)
    assert not (tmp_path / CHECKPOINT).exists()


def test_a_sound_run_is_the_same_with_or_without_evaluation(tmp_path):
    settings = {"learning_rate": 1e-2, "steps": 6}
    plain = learn(tmp_path / "a", **settings)
    seen = learn(tmp_path / "b", lambda model, context: {"loss": 0.0}, evaluate_at=frozenset({3, 6}), **settings)
    losses = [[record["loss"] for record in result.history if record["split"] == "train"] for result in (plain, seen)]
    assert losses[0] == losses[1]


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    folder = tmp_path_factory.mktemp("small")
    return {"dataset": small.polarity(folder / "polarity"), "tokenizer": small.tokenizer(folder / "tokenizer")}


@pytest.mark.parametrize("rate", [1e38, 1e20])
@pytest.mark.parametrize("validation", [True, False])
def test_a_task_model_of_nan_is_not_made(folders, tmp_path, rate, validation):
    dataset = folders["dataset"]
    if not validation:
        dataset = tmp_path / "dataset"
        dataset.mkdir()
        for name in ("train.parquet", "labels.json", "task.json"):
            (dataset / name).write_bytes((folders["dataset"] / name).read_bytes())
    encoder = EncoderFinetuningConfig(epochs=1, batch_size=16, learning_rate=rate, max_length=32)
    stage = FinetuneStage(FinetuningConfig(learner="encoder", encoder=encoder), 0, small.MODEL)
    with pytest.raises((ConfigError, DataError), match="diverged") as caught:
        finetune_stage.run(stage, {**folders, "dataset": dataset}, tmp_path, cpu())
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "task_model.json").exists()


def test_a_fasttext_model_of_nan_is_not_made(folders, tmp_path, monkeypatch):
    def update(model, ids, lengths, targets, rate):
        model.vectors *= math.inf
        return 1.0

    monkeypatch.setattr(fasttext.FasttextModel, "update", update)
    config = FinetuningConfig(learner="fasttext", fasttext=FasttextConfig(epochs=[1], ngrams=[1], min_count=1))
    with pytest.raises(ConfigError, match="training diverged: weights that are not finite in epoch 1"):
        finetune_stage.run(FinetuneStage(config, 0), folders, tmp_path, cpu())


@pytest.mark.parametrize("row", [[math.nan, 0.0], [math.inf, 0.0], [-math.inf, -math.inf]])
def test_scores_that_give_no_probabilities_are_an_error(row):
    with pytest.raises(DataError, match="the model's scores are not finite numbers"):
        log_softmax(np.array([[0.0, 1.0], row]))


def test_a_label_without_examples_has_probability_zero():
    assert np.exp(log_softmax(np.array([[0.0, -math.inf]]))).tolist() == [[1.0, 0.0]]


@pytest.mark.parametrize(("perplexity", "shown"), [
    (86.314, "86.31"), (999_999.0, "999999.00"), (1e6, "1.00e+06"), (math.exp(700), "1.01e+304")])
def test_perplexities_are_readable(perplexity, shown):
    assert readable(perplexity) == shown


def test_a_loss_beyond_any_perplexity_is_a_divergence():
    assert perplexity(2.0) == pytest.approx(7.389, abs=0.001)
    with pytest.raises(ConfigError, match="perplexity inf"):
        check_figures({"loss": 3e11, "perplexity": perplexity(3e11)}, "validation", 3, 1e6)
