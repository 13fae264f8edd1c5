"""Byte language models on shards: a killed run is never stopped, and processes have streams of their own."""

import multiprocessing
import signal
from dataclasses import replace

import numpy as np
import pytest
import torch

from jptransfer.config import LmTrainingConfig, ModelConfig, ObjectiveConfig, TokenizerConfig
from jptransfer.models.encoders.byte_lstm_settings import MultiplicativeLstmModelConfig
from jptransfer.models.pretrained import fresh_configuration, fresh_language_model
from jptransfer.objectives.causal import CausalLanguageModel
from jptransfer.objectives.causal_settings import CausalConfig
from jptransfer.text.simple_settings import ByteTokenizerConfig
from jptransfer.text.tokenizers import train_tokenizer
from jptransfer.training.launch import launch
from jptransfer.training.types import LoopSettings, evenly
from tests.training.tiny import Deadly, cpu, learn, make_split, random_documents

BYTES = train_tokenizer(TokenizerConfig(kind="byte", byte=ByteTokenizerConfig(special_tokens=False), nfkc=False))
SPLIT = make_split(random_documents(6))
CONFIG = LmTrainingConfig(max_length=8, batch_tokens=32, micro_batches=2, seed=3, objective=ObjectiveConfig(
    "causal", causal=CausalConfig(ar=0.0, tar=0.0, shard_tokens=150)))
STEPS = 18
"""More than an epoch of three shards."""


class Dying(Deadly, CausalLanguageModel):
    """The objective until its process is killed."""


def run(work, runtime=None, config=CONFIG, last=10**9):
    torch.manual_seed(0)
    size = MultiplicativeLstmModelConfig(hidden_size=8, embedding_size=4)
    model = fresh_language_model(fresh_configuration(
        ModelConfig("multiplicative_lstm", multiplicative_lstm=size), BYTES), config.objective)
    objective = Dying(config, model)
    objective.last = last
    data, held_out = objective.data(SPLIT, BYTES), objective.data(make_split(random_documents(3, 1), 1), BYTES, 100)
    assert config is not CONFIG or data.shards > 2 and data.windows // data.shards < STEPS
    settings = LoopSettings(STEPS, 0.05, record_every=1, evaluate_at=evenly(STEPS, 3), checkpoint_every=2)
    return learn(model, objective, data, held_out, settings, runtime, work)


def _in_process(runtime, work):
    return run(work, runtime)


@pytest.mark.slow
@pytest.mark.parametrize("updates", [1, 4, 6, 16])
def test_killed_at_any_update_and_restarted_is_never_stopped(tmp_path, updates):
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["jptransfer.training.loop", "tests.objectives.test_shards"])
    process = context.Process(target=run, args=(tmp_path / "killed", None, CONFIG, 2 * updates + 1))
    process.start()
    process.join()
    assert process.exitcode == -signal.SIGKILL
    weights, history = run(tmp_path / "killed")
    whole, records = run(tmp_path / "whole")
    assert history == records and all(np.array_equal(weights[name], whole[name]) for name in whole)


@pytest.mark.slow
def test_two_processes_carry_the_states_of_their_own_streams(tmp_path):
    weights, history = run(tmp_path / "one")
    two, shared = launch(_in_process, cpu(processes=2), tmp_path / "two")
    for left, right in zip(history, shared, strict=True):
        assert left["loss"] == pytest.approx(right["loss"], rel=1e-4)
    for name in weights:
        np.testing.assert_allclose(two[name], weights[name], atol=1e-3)


def test_shards_change_what_is_learnt(tmp_path):
    _, history = run(tmp_path / "shards")
    causal = replace(CONFIG.objective.causal, shard_tokens=None)
    _, whole = run(tmp_path / "whole", None, replace(CONFIG, objective=replace(CONFIG.objective, causal=causal)))
    assert history != whole
