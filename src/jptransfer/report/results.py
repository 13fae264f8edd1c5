"""From runs to results: rows x seeds of scores, their intervals, and each row against the baseline.

All statistics are those of `jptransfer.evaluation`; here they are asked for, row by row, and put into words.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jptransfer.config import ReportConfig
from jptransfer.config.task import RolesConfig, oracle_epoch, scored_split
from jptransfer.errors import ConfigError, unknown
from jptransfer.evaluation.aggregate import Aggregate, aggregate
from jptransfer.evaluation.bootstrap import Interval, interval, sources
from jptransfer.evaluation.compare import Comparison, compare
from jptransfer.evaluation.metrics import Metric, load_metric
from jptransfer.evaluation.predictions import Evaluation, Predictions, load_evaluation
from jptransfer.evaluation.samples import Sample
from jptransfer.report import numbers
from jptransfer.report.sources import Run, Source, Sources
from jptransfer.tasks.splits import read_roles


@dataclass(frozen=True)
class RowResult:
    """One row: its runs' scores on the final split.

    Attributes:
        name: of the row.
        runs: one a seed, with `evaluations` and `predictions` in the same order.
        score: main metric over seeds; `interval`: over examples and, of several runs, seeds.
        validation: main metric on the validation split as fine-tuning scored it, None if it did not.
        metrics: every stored metric over seeds.
        comparison: with the baseline (B is this row); None for the baseline itself.
    """

    name: str
    runs: list[Run]
    evaluations: list[Evaluation]
    predictions: list[Predictions]
    score: Aggregate
    interval: Interval | None
    validation: Aggregate | None
    metrics: dict[str, Aggregate]
    comparison: Comparison | None = None

    @property
    def labels(self) -> list[str]:
        """The task's labels; empty if it has none."""
        return self.evaluations[0].task.labels

    @property
    def collapsed(self) -> list[str]:
        """The runs that give one answer to everything: ``seed 2 predicts only 'x'``."""
        return [f"seed {run.seed} {found.collapsed}" for run, found in zip(self.runs, self.predictions, strict=True)
                if found.collapsed]


@dataclass(frozen=True)
class Results:
    """The rows scored on one data set; only they can be compared."""

    task: str
    dataset: Source | None
    split: str
    metric: Metric
    confidence: float
    baseline: str
    rows: list[RowResult]

    @property
    def examples(self) -> int:
        """Number of examples scored."""
        return len(self.rows[0].predictions[0].rows)

    @property
    def best(self) -> RowResult:
        """The row with the best mean; the first of equals."""
        sign = 1 if self.metric.higher_is_better else -1
        return max(self.rows, key=lambda row: sign * row.score.mean)

    @property
    def base(self) -> RowResult:
        """The baseline's row."""
        return next(row for row in self.rows if row.name == self.baseline)

    def significant(self, row: RowResult) -> bool:
        """Tell whether a row's difference to the baseline is significant, see `Comparison.significant`."""
        return row.comparison is not None and row.comparison.significant

    def verdict(self, row: RowResult) -> str:
        """Return in a sentence how a row does against the baseline, over which seeds, and what is wrong with them."""
        return " ".join([self._finding(row), *(f"{one[0].upper()}{one[1:]}." for one in row.collapsed)])

    def _finding(self, row: RowResult) -> str:
        name, found, runs = self.metric.name, row.comparison, self._seeds(row)
        if found is None:
            within = f" {numbers.interval(row.interval, name)}" if row.interval else ""
            return f"{row.name}: {numbers.score(row.score.mean, name)}{within} over {runs}."
        tail = f"{numbers.p_sentence(found.p_value)}; {runs}"
        if found.significant:
            way = "beats" if found.b_is_better else "falls behind"
            size = f"{numbers.score(abs(found.difference), name)} {numbers.unit(name)}"
            within = f" {_oriented(found)}" if found.interval else ""
            return f"{row.name} {way} {self.baseline} by {size}{within}, {tail}."
        difference = f"{numbers.difference(found.difference, name)} {numbers.unit(name)}"
        signed = f" {numbers.interval(found.interval, name, signed=True)}" if found.interval else ""
        why = f"; {found.doubt}" if found.doubt else ""
        return f"{row.name} does not differ from {self.baseline} significantly: {difference}{signed}, {tail}{why}."

    def _seeds(self, row: RowResult) -> str:
        """Return how many seeds a row has, and their range: ``3 seeds (59.4 to 82.4)``."""
        values, runs = row.score.values, numbers.count(len(row.runs), "seed")
        if len(values) < 2:
            return runs
        low, high = (numbers.score(limit, self.metric.name) for limit in (min(values), max(values)))
        return f"{runs} ({low} to {high})" if low != high else f"{runs} (all {low})"


def collect(sources: Sources, config: ReportConfig) -> list[Results]:
    """Return the results of all runs, one entry a data set, in the order of rows.

    Raises:
        ConfigError: the baseline is no row, or the metric does not fit a task.
    """
    if config.baseline and config.baseline not in sources.rows:
        raise ConfigError("report.baseline: " + unknown("row", config.baseline, sources.rows))
    groups: dict[str, list[Run]] = {}
    for run in sources.runs:
        dataset = sources.dataset(run)
        groups.setdefault(dataset.fingerprint if dataset else "", []).append(run)
    return [_results(sources, runs, config) for runs in groups.values()]


def _results(sources: Sources, runs: list[Run], config: ReportConfig) -> Results:
    evaluations = {run.evaluation.fingerprint: load_evaluation(run.evaluation.folder) for run in runs}
    first = evaluations[runs[0].evaluation.fingerprint]
    dataset = sources.dataset(runs[0])
    final = read_roles(dataset.folder).final if dataset else RolesConfig().final
    split = final if final in first.splits else [name for name in first.splits if name == scored_split(name)][-1]
    metric = load_metric(config.metric, first.task)
    members: dict[str, list[Run]] = {}
    for run in runs:
        members.setdefault(run.row, []).append(run)
    baseline = config.baseline if config.baseline in members else runs[0].row
    scoring = _Scoring(config, sources, evaluations, split, metric, members[baseline])
    return Results(dataset.manifest.name if dataset else first.task.kind, dataset, split, metric, config.confidence,
                   baseline, [scoring.row(name, members[name]) for name in members])


@dataclass(frozen=True)
class _Scoring:
    """What the rows of one data set are scored with."""

    config: ReportConfig
    sources: Sources
    evaluations: dict[str, Evaluation]
    split: str
    metric: Metric
    baseline: list[Run]

    def row(self, name: str, runs: list[Run]) -> RowResult:
        found = [self.evaluations[run.evaluation.fingerprint] for run in runs]
        predictions = [evaluation.predictions(self.split) for evaluation in found]
        sample = self.metric.sample([run.outcomes for run in predictions])
        return RowResult(
            name=name, runs=runs, evaluations=found, predictions=predictions,
            score=aggregate(sample.scores.tolist()), interval=self._interval(sample),
            validation=self._validation(runs), metrics=_stored(found, self.split),
            comparison=None if runs == self.baseline else self._against_baseline(runs))

    def _interval(self, sample: Sample) -> Interval | None:
        config = self.config
        if not config.bootstrap:
            return None
        return interval(sample, config.bootstrap, config.confidence, config.seed, self.metric.bounds)

    def _validation(self, runs: Sequence[Run]) -> Aggregate | None:
        models = [self.sources.task_model(run) for run in runs]
        scores = [model.manifest.summary["values"].get("validation", {}).get(self.metric.name)
                  for model in models if model]
        return aggregate(scores) if len(scores) == len(runs) and None not in scores else None

    def _against_baseline(self, runs: list[Run]) -> Comparison:
        a, b = paired_folders(self.baseline, runs)
        config = self.config
        return compare(a, b, self.split, self.metric.name, config.trials, config.bootstrap, config.confidence,
                       config.seed, config.mcnemar)


def _stored(evaluations: Sequence[Evaluation], split: str) -> dict[str, Aggregate]:
    """Return every metric that all have, and the main one of the epoch that is best on the split itself."""
    tables = [{**one.metrics[split], **_of_best_epoch(one, split)} for one in evaluations]
    shared = [name for name in tables[0] if all(name in table for table in tables)]
    return {name: aggregate([table[name]["value"] for table in tables]) for name in shared}


def _of_best_epoch(evaluation: Evaluation, split: str) -> dict[str, Any]:
    found = evaluation.metrics.get(oracle_epoch(split))
    return {numbers.of_best_epoch(evaluation.metric, split): found[evaluation.metric]} if found else {}


def paired_folders(baseline: list[Run], runs: list[Run]) -> tuple[list[Path], list[Path]]:
    """Return the folders to compare: all of both where numbers agree or one is single, else those of shared seeds.

    Raises:
        ConfigError: the rows have several seeds each and share none.
    """
    if len(baseline) != len(runs) and 1 not in (len(baseline), len(runs)):
        shared = {run.seed for run in baseline} & {run.seed for run in runs}
        if not shared:
            raise ConfigError(f"rows {baseline[0].row} and {runs[0].row} share no seed, so they can't be paired")
        baseline, runs = ([run for run in side if run.seed in shared] for side in (baseline, runs))
    return [run.evaluation.folder for run in baseline], [run.evaluation.folder for run in runs]


def gains(comparison: Comparison) -> tuple[int, int]:
    """Return on how many examples B is better, and on how many A is."""
    better = sum(difference.gain > 0 for difference in comparison.differing)
    return better, len(comparison.differing) - better


def _oriented(found: Comparison) -> str:
    """Return the interval of how much better (or worse) the row is, smaller limit first."""
    assert found.interval
    limits = sorted(found.interval if found.difference > 0 else [-limit for limit in found.interval])
    return numbers.interval(limits, found.metric)


def to_json(results: Results) -> dict[str, Any]:
    """Return everything that was found as plain JSON data, at full precision."""
    return {"task": results.task, "dataset": results.dataset.manifest.id if results.dataset else None,
            "split": results.split, "examples": results.examples, "metric": results.metric.name,
            "higher_is_better": results.metric.higher_is_better, "confidence": results.confidence,
            "baseline": results.baseline, "rows": [_row_json(results, row) for row in results.rows]}


def _row_json(results: Results, row: RowResult) -> dict[str, Any]:
    found = row.comparison
    return {
        "row": row.name, "seeds": [run.seed for run in row.runs],
        "evaluations": [run.evaluation.manifest.id for run in row.runs],
        **_spread(row.score), "interval": row.interval, "interval_over": sources(len(row.runs)),
        "collapsed": row.collapsed, "validation": _spread(row.validation),
        "metrics": {name: _spread(value) for name, value in row.metrics.items()},
        "comparison": found and {
            "difference": found.difference, "interval": found.interval, "significant": results.significant(row),
            "tests": {test.name: test.p_value for test in found.tests},
            "labels": {one.label: {"f1": one.b, "difference": one.difference} for one in found.labels}},
        "verdict": results.verdict(row)}


def _spread(value: Aggregate | None) -> dict[str, Any]:
    if value is None:
        return {}
    return {"values": list(value.values), "mean": value.mean, "std": value.std, "trimmed": value.trimmed}
