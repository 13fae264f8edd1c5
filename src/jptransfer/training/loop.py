"""The training loop of all language models and tasks.

`train` makes `settings.steps` updates. Each update takes a global batch (a list of parts, see `training.types`),
distributes its parts over processes and forward passes, sums and clips the gradients, and updates the weights. `train`
evaluates at given steps, writes `history.jsonl`, keeps the best weights, and saves checkpoints in `work`. On the CPU a
killed run resumes bit for bit: all random numbers are derived from (seed, step, part), so there is no generator state
to save, and evaluation cannot affect training.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from jptransfer.errors import DataError
from jptransfer.registry import SCHEDULES
from jptransfer.training.batching import pieces_of
from jptransfer.training.checkpoint import CHECKPOINT, check_form, load, readable, require, save_atomically
from jptransfer.training.context import TrainingContext
from jptransfer.training.divergence import check_figures, check_loss, check_update, check_weights
from jptransfer.training.history import HISTORY, History
from jptransfer.training.optimizers import build_optimizer, set_learning_rate
from jptransfer.training.schedules import NOTHING_LEARNT, learns
from jptransfer.training.types import (
    Batch,
    Constrained,
    Evaluate,
    LoopSettings,
    LossTotals,
    Objective,
    ParameterGroup,
    Record,
    Stateful,
    Tensors,
    TrainingData,
    TrainingResult,
    to_device,
)

KEPT = "kept-"


def train(
    model: nn.Module,
    objective: Objective,
    data: TrainingData,
    settings: LoopSettings,
    context: TrainingContext,
    work: Path,
    evaluate: Evaluate | None = None,
    parameter_groups: Sequence[ParameterGroup] | None = None,
) -> TrainingResult:
    """Train `model` in place, or resume a killed run with the same arguments.

    Args:
        model: moved to the context's device. Has the last weights afterwards, or the best ones by
            `settings.metric_for_best_model`.
        objective: the forward pass and its losses.
        data: examples and batches.
        settings: all settings that affect the result.
        context: device and process group, see `training.launch.launch`.
        work: folder of checkpoint and history, kept across interruptions.
        evaluate: returns the metrics of a `validation` record.
        parameter_groups: parameters with their learning rates. None: all parameters that require gradients, at the
            scheduled rate.

    Raises:
        ConfigError: the loss, the weights or a validation metric is not finite.
        DataError: there is nothing to train on.
    """
    return _Run(model, objective, data, settings, context, work, evaluate, parameter_groups).run()


def kept_weights(work: Path) -> list[Path]:
    """Return the weight files kept by runs in or below `work` (`LoopSettings.keep_all`), in order of updates."""
    return sorted(work.rglob(f"{KEPT}*.pt"), key=lambda path: int(path.stem.removeprefix(KEPT)))


class _Run:
    """State of a run between updates."""

    def __init__(self, model, objective, data, settings, context, work, evaluate, parameter_groups) -> None:
        self.model: nn.Module = model.to(context.device)
        self.objective: Objective = objective
        self.data: TrainingData = data
        self.settings: LoopSettings = settings
        self.context: TrainingContext = context
        self.work: Path = work
        self.evaluate: Evaluate | None = evaluate
        self.parameters = [p for p in model.parameters() if p.requires_grad]
        self.optimizer = build_optimizer(settings.optimizer, parameter_groups or [ParameterGroup(self.parameters)])
        self.constrained = [module for module in self.model.modules() if isinstance(module, Constrained)]
        self.schedule = SCHEDULES.load(settings.schedule.name)
        self.origin = settings.origin
        self.end = self.origin.step + settings.steps
        self.state: dict[str, Any] = {
            "step": self.origin.step, "epoch": self.origin.epoch, "position": 0, "tokens": self.origin.tokens,
            "seconds": 0.0, "seconds_at": {}, "stopped": False, "best_step": 0, "best_value": None, "best_metrics": {},
            "misses": 0,
        }
        self.pending: list[tuple[int, float, Tensor, Tensor]] = []
        self.interval: dict[str, float] = {"loss": 0.0, "norm": 0.0, "steps": 0.0}
        self.rate = settings.learning_rate
        self.last: Tensors | None = None
        work.mkdir(parents=True, exist_ok=True)

    # -- the run ---------------------------------------------------------------------------------------------------

    def run(self) -> TrainingResult:
        self._resume()
        self.context.start_trackers(self.settings)
        self.started = self.saved = time.perf_counter()
        runtime = self.context.runtime
        if self.context.is_main and not learns(self.settings.steps, self.settings.schedule):
            runtime.progress.log(f"warning: {NOTHING_LEARNT.format(self.settings.steps)}")
        with runtime.progress.bar(runtime.title, self.settings.steps, self._made()) as self.bar:
            for epoch, position, batch in self._batches():
                if self.state["step"] >= self.end or self.state["stopped"]:
                    break
                self._update(batch, epoch)
                self.state.update(epoch=epoch, position=position + 1)
                self._after_update()
                self.bar.update()
        self._check_weights()
        if self.last:  # not where a run resumes after all updates
            check_loss(self.model, self.objective, self.last, self.context, self.state["step"], self.rate)
        self._checkpoint()
        self.history.close()
        result = self._result()
        self.context.close()
        return result

    def _made(self) -> int:
        """Return the updates of this run."""
        return self.state["step"] - self.origin.step

    def _batches(self) -> Iterator[tuple[int, int, Batch]]:
        epoch, position = self.state["epoch"], self.state["position"]
        while True:
            batches = self.data.batches(epoch)
            self.lengths = self.data.lengths(epoch)
            if not len(batches):
                raise DataError("there is nothing to train on: the training data is empty")
            self.epoch_batches = len(batches)
            for number in range(position, len(batches)):
                yield epoch, number, batches[number]
            epoch, position = epoch + 1, 0

    def _update(self, batch: Batch, epoch: int) -> None:
        step = self.state["step"]
        factors = self.schedule(self._made(), self.settings.steps, self.settings.schedule)
        rate = self.settings.learning_rate * factors.rate
        self.model.train()
        loss = self._backward(batch, epoch, step)
        loss, due = self.context.all_reduce_gradients(self.parameters, [loss, self._checkpoint_due()])
        clip = self.settings.optimizer.clip or math.inf
        norm = nn.utils.clip_grad_norm_(self.parameters, clip)
        self.pending.append((step, rate, loss, norm))
        if self.context.device.type == "cpu":
            self._settle()
        set_learning_rate(self.optimizer, rate, factors.momentum)
        self.optimizer.step()
        for module in self.constrained:
            module.constrain()
        self.optimizer.zero_grad()
        self.context.mark_step()
        self.due = bool(due)
        self.state["step"] += 1
        self.state["tokens"] += sum(int(self.lengths[part].sum()) for part in batch)

    def _backward(self, batch: Batch, epoch: int, step: int) -> Tensor:
        pieces = pieces_of(batch, self.lengths, self.context.micro_batch_tokens, self.context.world)
        mine = [(key, self.data.collate(indices, epoch), weight)
                for (key, indices), weight in self.context.shard(pieces)]
        units: dict[str, float] = {}
        for _, tensors, weight in mine:
            _add(units, self.objective.units(tensors), weight)
        self.last = mine[0][1]
        units = self.context.all_reduce(units)
        loss = torch.zeros((), device=self.context.device)
        for key, tensors, weight in mine:
            self.context.seed(self.settings.seed, step, *key)
            with self.context.autocast():
                terms = self.objective(self.model, to_device(tensors, self.context.device)).terms
            part = sum((value * (weight / units[name]) for name, value in terms.items() if units[name]), start=loss * 0)
            if part.requires_grad:
                part.backward()
            loss += part.detach()
            self.context.mark_step()
        return loss

    def _settle(self) -> None:
        """Read the losses of updates that were queued on the device; a loss that is not finite ends the run."""
        for step, rate, loss, norm in self.pending:
            values = float(loss), float(norm)
            check_update(*values, step, rate)
            self.interval["loss"] += values[0]
            self.interval["norm"] += values[1]
            self.interval["steps"] += 1
            self.rate = rate
        self.pending.clear()

    def _check_weights(self) -> None:
        self._settle()
        check_weights(self.model, self.state["step"], self.rate)

    # -- after an update -------------------------------------------------------------------------------------------

    def _after_update(self) -> None:
        step = self.state["step"]
        if step % self.settings.record_every == 0 or step == self.end:
            self._record_training()
        if self._made() in self.settings.evaluate_at:
            self._check_weights()
            if self.evaluate:
                self._evaluate()
            if self.settings.keep_all and self.context.is_main:
                save_atomically(self.model.state_dict(), self.work / f"{KEPT}{step}.pt")
        every = self.settings.checkpoint_every
        if self.due or (every and step % every == 0):
            self._checkpoint()

    def _record_training(self) -> None:
        self._settle()
        loss, norm = (self.interval[name] / self.interval["steps"] for name in ("loss", "norm"))
        self._record("train", {"loss": loss, "lr": self.rate, "norm": norm})
        self.interval = dict.fromkeys(self.interval, 0.0)
        self.bar.set_postfix(f"loss {loss:.3f}")

    def _record(self, split: str, values: dict[str, float]) -> None:
        epoch = self.state["epoch"] + self.state["position"] / self.epoch_batches
        record: Record = {"step": self.state["step"], "epoch": round(epoch, 6), "tokens": self.state["tokens"],
                          "split": split, **values}
        if self.origin.phase:
            record["phase"] = self.origin.phase
        self.history.add(record)
        self.context.track(record)

    def _seconds(self) -> float:
        return self.state["seconds"] + time.perf_counter() - self.started

    def _evaluate(self) -> None:
        assert self.evaluate
        self.model.eval()
        with torch.no_grad(), self.context.autocast():
            metrics = self.context.broadcast(dict(self.evaluate(self.model, self.context)))
        check_figures(metrics, "validation", self.state["step"], self.rate)
        self._record("validation", metrics)
        self.state["seconds_at"][str(self.state["step"])] = self._seconds()
        if self.settings.metric_for_best_model:
            self._keep_best(metrics)
        else:
            self.state.update(best_step=self.state["step"], best_metrics=metrics)

    def _keep_best(self, metrics: dict[str, float]) -> None:
        value, best = metrics[self.settings.metric_for_best_model], self.state["best_value"]
        sign = -1 if self.settings.lower_is_better else 1
        if best is None or sign * value > sign * best:
            self.state.update(best_step=self.state["step"], best_value=value, best_metrics=metrics, misses=0)
            if self.context.is_main:
                save_atomically(self.model.state_dict(), self._best_path())
        else:
            self.state["misses"] += 1
            self.state["stopped"] = bool(self.settings.patience and self.state["misses"] >= self.settings.patience)

    # -- checkpoints -----------------------------------------------------------------------------------------------

    def _best_path(self) -> Path:
        # The step is part of the name: a checkpoint always finds the very weights it speaks of.
        return self.work / f"best-{self.state['best_step']}.pt"

    def _checkpoint_due(self) -> Tensor:
        settings, waited = self.context.runtime.settings, time.perf_counter() - self.saved
        return torch.tensor(float(self.context.is_main and waited >= settings.checkpoint_seconds))

    def _checkpoint(self) -> None:
        self._check_weights()
        carried = self.context.all_gather(self.objective.state_dict()) if isinstance(self.objective, Stateful) else []
        if self.context.is_main:
            state = {**self.state, "seconds": self._seconds()}
            save_atomically({"state": state, "interval": self.interval, "records": self.history.records,
                             "model": self.model.state_dict(), "optimizer": self.optimizer.state_dict(),
                             "objective": carried},
                            self.work / CHECKPOINT)
            for old in set(self.work.glob("best-*.pt")) - {self._best_path()}:
                old.unlink()
        self.saved = time.perf_counter()

    def _resume(self) -> None:
        path = self.work / CHECKPOINT
        records: list[Record] = []
        if path.exists():
            saved = load(path)
            with readable(path):
                records = self._take_over(saved)
        self.context.barrier()
        self.history = History(self.work / HISTORY if self.context.is_main else None, records)

    def _take_over(self, saved: Any) -> list[Record]:
        """Go on from a checkpoint; return the records of its history."""
        state, interval, records = check_form(saved, self.state, self.interval)
        self.model.load_state_dict(saved["model"])
        self.optimizer.load_state_dict(saved["optimizer"])
        for carried in saved.get("objective", []):  # checkpoints of before had none
            self.objective.load_state_dict(carried)  # type: ignore[attr-defined]
        self.state, self.interval = state, interval
        made, settings = state["step"] - self.origin.step, self.settings
        best = [self._best_path()] if settings.metric_for_best_model and state["best_value"] is not None else []
        kept = [step for step in settings.evaluate_at if settings.keep_all and step <= made]
        require([*best, *(self.work / f"{KEPT}{self.origin.step + step}.pt" for step in kept)])
        return records

    def _result(self) -> TrainingResult:
        state = self.state
        self.context.barrier()
        if self.settings.metric_for_best_model and state["best_step"]:
            best_weights = load(self._best_path())
            with readable(self._best_path()):
                self.model.load_state_dict(best_weights)
        self.model.eval()
        best = state["best_step"] if self.settings.metric_for_best_model and state["best_step"] else state["step"]
        return TrainingResult(self.history.records, state["step"], best, state["best_metrics"], self._seconds(),
                              state["seconds_at"])


def _add(totals: dict[str, float], values: Mapping[str, float | Tensor], weight: float) -> None:
    for name, value in values.items():
        totals[name] = totals.get(name, 0.0) + float(value) * weight


def evaluate_objective(
    model: nn.Module, objective: Objective, data: TrainingData, context: TrainingContext, epoch: int = 0
) -> LossTotals:
    """Run `objective` over all batches of an epoch of `data`, each shared among the processes as in training."""
    terms, sums, units = dict[str, float](), dict[str, float](), dict[str, float]()
    lengths = data.lengths(epoch)
    for global_batch in data.batches(epoch):
        for (_, indices), weight in context.shard(pieces_of(global_batch, lengths, None, context.world)):
            batch = data.collate(indices, epoch)
            step = objective(model, to_device(batch, context.device))
            for totals, values in ((terms, step.terms), (sums, step.sums), (units, objective.units(batch))):
                _add(totals, values, weight)
    terms, sums, units = context.all_reduce(terms), context.all_reduce(sums), context.all_reduce(units)
    return LossTotals({name: value / max(units[name], 1.0) for name, value in terms.items()}, sums, units)
