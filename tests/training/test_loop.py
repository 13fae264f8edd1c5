import json
import multiprocessing
import os
import signal
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from jptransfer.config import OptimizerConfig, ScheduleConfig
from jptransfer.errors import ConfigError, DataError
from jptransfer.training import checkpoint
from jptransfer.training.batching import pieces_of
from jptransfer.training.checkpoint import load
from jptransfer.training.context import TrainingContext
from jptransfer.training.launch import _die_with_parent, launch
from jptransfer.training.loop import evaluate_objective, kept_weights, train
from jptransfer.training.types import LoopSettings, ParameterGroup, evenly
from tests.training.tiny import Points, SquaredError, cpu, small_network

pytestmark = pytest.mark.slow

SETTINGS = LoopSettings(
    steps=13, learning_rate=0.02, optimizer=OptimizerConfig(), record_every=3, evaluate_at=evenly(13, 4),
    metric_for_best_model="loss",
    lower_is_better=True)


ODD = 65
"""Points whose last batch is a single one: less than there are processes."""


def evaluate(model, context):
    return {"loss": evaluate_objective(model, SquaredError(), Points(), context).loss}


def run(work, runtime=None, settings=SETTINGS, data=None, dropout=0.1, **more):
    """Train the small network; returns its weights, the history and the result."""
    model = small_network(dropout)
    context = TrainingContext(runtime or cpu(checkpoint_seconds=1e9))
    result = train(model, SquaredError(), data or Points(), settings, context, work, evaluate, **more)
    return {name: value.numpy() for name, value in model.state_dict().items()}, result.history, result


def same(one, two) -> bool:
    return one[1] == two[1] and all(np.array_equal(one[0][name], two[0][name]) for name in one[0])


def test_learns_and_writes_its_history(tmp_path):
    weights, history, result = run(tmp_path)
    on_disk = [json.loads(line) for line in (tmp_path / "history.jsonl").read_text().splitlines()]
    assert on_disk == result.history
    assert [r["step"] for r in history if r["split"] == "train"] == [3, 6, 9, 12, 13]
    assert [r["step"] for r in history if r["split"] == "validation"] == [3, 6, 10, 13]
    losses = [r["loss"] for r in history if r["split"] == "validation"]
    assert losses[-1] < losses[0] and result.metrics["loss"] == min(losses)
    assert same((weights, history), run(tmp_path / "again"))


def test_lr_and_loss_of_a_record_are_those_of_its_updates(tmp_path):
    settings = replace(SETTINGS, steps=4, record_every=1, evaluate_at=frozenset(), metric_for_best_model="",
                       schedule=ScheduleConfig("linear", 0.0))
    _, history, _ = run(tmp_path, settings=settings, dropout=0.0)
    assert [r["lr"] for r in history] == pytest.approx([0.02, 0.015, 0.01, 0.005])
    model, data = small_network(0.0), Points()
    first = np.concatenate(data.batches(0)[0])
    loss = ((model(data.x[first]) - data.y[first]) ** 2).mean().item()
    assert history[0]["loss"] == pytest.approx(loss, rel=1e-5)
    assert history[0]["tokens"] == 16 * 5


@pytest.mark.parametrize("limit", [5, 10, 40])
def test_accumulation_gives_the_same_run_within_rounding(tmp_path, limit):
    # Below the size of a part (20 tokens) a part's random numbers are drawn piece by piece.
    dropout = 0.1 if limit >= 20 else 0.0
    whole = run(tmp_path / "a", dropout=dropout)
    cut = run(tmp_path / "b", cpu(micro_batch_tokens=limit), dropout=dropout)
    for name in whole[0]:
        np.testing.assert_allclose(whole[0][name], cut[0][name], atol=1e-5)


def test_pieces_cover_the_batch():
    batch = [np.arange(6), np.arange(6, 9)]
    lengths = np.full(9, 4)
    assert [key for key, _ in pieces_of(batch, lengths, None, 1)] == [(0, 0), (1, 0)]
    assert [len(p) for _, p in pieces_of(batch, lengths, 8, 1)] == [2, 2, 2, 2, 1]
    assert len(pieces_of(batch, lengths, None, 4)) == 4
    assert np.concatenate([p for _, p in pieces_of(batch, lengths, 8, 4)]).tolist() == list(range(9))


def test_two_processes_give_the_same_run_within_rounding(tmp_path):
    one = run(tmp_path / "one", data=Points(count=ODD))
    *two, _ = launch(_in_process, cpu(processes=2), tmp_path / "two")
    for name in one[0]:
        np.testing.assert_allclose(one[0][name], two[0][name], atol=1e-5)
    for left, right in zip(one[1], two[1], strict=True):
        assert left.pop("split") == right.pop("split")
        assert left == pytest.approx(right, rel=1e-5)


def _in_process(runtime, work):
    """The run, and an answer larger than what a pipe holds."""
    return *run(work, runtime, data=Points(count=ODD))[:2], bytes(1_000_000)


def test_a_users_mistake_in_a_process_arrives_as_itself():
    with pytest.raises(ConfigError, match="^said by process"):
        launch(_fail, cpu(processes=2))


def _fail(runtime):
    raise ConfigError("said by process")


def test_evaluation_disturbs_nothing(tmp_path):
    quiet = replace(SETTINGS, evaluate_at=frozenset(), metric_for_best_model="")
    often = replace(SETTINGS, evaluate_at=evenly(13, 13), metric_for_best_model="")
    (one, _, _), (two, _, _) = run(tmp_path / "a", settings=quiet), run(tmp_path / "b", settings=often)
    assert all(np.array_equal(one[name], two[name]) for name in one)


def test_the_best_weights_stay_and_patience_ends_the_run(tmp_path):
    values = iter([3.0, 1.0, 2.0, 1.0, 0.5])
    seen = []

    def scripted(model, context):
        seen.append({k: v.clone() for k, v in model.state_dict().items()})
        return {"loss": next(values)}

    settings = replace(SETTINGS, evaluate_at=evenly(13, 5), patience=2)
    model = small_network()
    result = train(model, SquaredError(), Points(), settings, TrainingContext(cpu()), tmp_path, scripted)
    assert (result.steps, result.best_step, result.metrics) == (10, 5, {"loss": 1.0})
    assert all(torch.equal(value, seen[1][name]) for name, value in model.state_dict().items())


def test_weights_of_every_evaluation_can_be_kept(tmp_path):
    whole = run(tmp_path / "whole", settings=replace(SETTINGS, keep_all=True))
    files = kept_weights(tmp_path / "whole")
    assert [int(path.stem.partition("-")[2]) for path in files] == sorted(SETTINGS.evaluate_at)
    best = files[sorted(SETTINGS.evaluate_at).index(whole[2].best_step)]
    assert all(np.array_equal(value.numpy(), whole[0][name]) for name, value in load(best).items())
    assert kept_weights(tmp_path / "nothing") == []
    run(tmp_path / "plain")
    assert kept_weights(tmp_path / "plain") == []


def test_parameter_groups_set_the_rates(tmp_path):
    model = small_network()
    before = {name: p.detach().clone() for name, p in model.named_parameters()}
    groups = [ParameterGroup(list(model[0].parameters()), 0.0), ParameterGroup(list(model[3].parameters()))]
    train(model, SquaredError(), Points(), SETTINGS, TrainingContext(cpu()), tmp_path, evaluate, groups)
    moved = {name: not torch.equal(p, before[name]) for name, p in model.named_parameters()}
    assert moved == {"0.weight": False, "0.bias": False, "3.weight": True, "3.bias": True}


def test_divergence_is_named(tmp_path):
    data = Points()
    data.x[17] = torch.nan
    with pytest.raises(ConfigError, match=r"diverged: loss nan.* at step [2-9] .*try a smaller one"):
        run(tmp_path, data=data)
    data.x[:] = torch.nan
    with pytest.raises(ConfigError, match=r"diverged: loss nan.* at step 1 .no update was made yet"):
        run(tmp_path / "first", data=data)


def test_nothing_to_train_on(tmp_path):
    data = Points()
    data.batches = lambda epoch: []
    with pytest.raises(DataError, match="empty"):
        run(tmp_path, data=data)


# -- killed and restarted ----------------------------------------------------------------------------------------------


def _killed_after(work, updates: int) -> None:
    """Train in a process of its own with a checkpoint every 2 updates, and kill it in update `updates` + 1."""

    class Deadly(SquaredError):  # noqa: N818
        calls = 0

        def __call__(self, model, batch):
            self.calls += model.training
            if self.calls > 4 * updates + 2:  # within the update: after half of its parts
                os.kill(os.getpid(), signal.SIGKILL)
            return super().__call__(model, batch)

    context = TrainingContext(cpu(checkpoint_seconds=1e9))
    train(small_network(), Deadly(), Points(), SETTINGS, context, work, evaluate)


def _killed_while_writing(work, checkpoints: int) -> None:
    """Kill the process in the middle of writing a checkpoint, after so many good ones."""
    written, save = [], torch.save

    def torn(value, file):
        if len(written) == checkpoints:
            file.write(b"half a checkpo")
            file.flush()
            os.kill(os.getpid(), signal.SIGKILL)
        written.append(save(value, file))

    checkpoint.torch.save = torn
    run(work, cpu(checkpoint_seconds=0.0))


@pytest.fixture(scope="module")
def processes():
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["jptransfer.training.loop", "tests.training.test_loop"])
    return context


def kill(processes, target, *arguments):
    process = processes.Process(target=target, args=arguments)
    process.start()
    process.join()
    assert process.exitcode == -signal.SIGKILL


@pytest.mark.parametrize("updates", [0, 1, 2, 6, 7, 12])
def test_killed_at_any_update_and_restarted_is_never_stopped(tmp_path, processes, updates):
    kill(processes, _killed_after, tmp_path / "killed", updates)
    assert same(run(tmp_path / "whole"), run(tmp_path / "killed"))


@pytest.mark.parametrize("checkpoints", [0, 1, 5, 9])
def test_killed_while_writing_a_checkpoint(tmp_path, processes, checkpoints):
    kill(processes, _killed_while_writing, tmp_path / "killed", checkpoints)
    assert (tmp_path / "killed" / "checkpoint.pt").exists() == (checkpoints > 0)
    assert same(run(tmp_path / "whole"), run(tmp_path / "killed"))


def test_killed_again_and_again(tmp_path, processes):
    for updates in (3, 2, 4):
        kill(processes, _killed_after, tmp_path / "killed", updates)
    assert same(run(tmp_path / "whole"), run(tmp_path / "killed"))


def test_a_finished_run_is_only_read_again(tmp_path):
    first = run(tmp_path)

    class Untouchable(Points):
        def collate(self, indices, epoch):
            raise AssertionError("trained again")

    assert same(first, run(tmp_path, data=Untouchable()))


def test_an_interrupted_call_ends_its_processes(monkeypatch):
    class Processes:
        def __init__(self):
            self.processes, self.killed = [self, self], 0

        def join(self, timeout):
            raise KeyboardInterrupt

        def kill(self):
            self.killed += 1

    started = Processes()
    monkeypatch.setattr("torch.multiprocessing.start_processes", lambda *_, **__: started)
    with pytest.raises(KeyboardInterrupt):
        launch(_fail, cpu(processes=2))
    assert started.killed == 2


def test_a_process_whose_parent_died_while_it_started_ends(monkeypatch):
    ended = []
    monkeypatch.setattr("ctypes.CDLL", lambda _: SimpleNamespace(prctl=lambda *_: 0))
    monkeypatch.setattr("os._exit", ended.append)
    for parent, codes in ((None, []), (os.getppid(), []), (os.getppid() + 1, [1])):
        found = parent and SimpleNamespace(pid=parent)
        monkeypatch.setattr("multiprocessing.parent_process", lambda found=found: found)
        _die_with_parent()
        assert ended == codes
