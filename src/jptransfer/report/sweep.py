"""The table at the end of a sweep: what each job set, what came of it, and why the failed ones failed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from jptransfer.registry import METRICS
from jptransfer.report import numbers
from jptransfer.report.tables import NOTHING, Cell, Column, Table, text_table, without_empty_columns


def sweep_table(jobs: Sequence[Mapping[str, Any]]) -> Table:
    """Return a row a job, in the order given.

    Args:
        jobs: what `job.json` holds: `number`, `overrides` (``key=value``), and either `error`, a reason, or what was
            made: `metric`, `score` (of the validation split), `artifact` (its path).
    """
    keys = _swept(jobs)
    metrics = sorted({job["metric"] for job in jobs if job.get("metric")})
    shared = metrics[0] if len(metrics) == 1 else ""
    best = _best(jobs) if shared else None
    columns = [Column("job", "job", True), *(Column(key, key) for key in keys), Column("metric", "metric"),
               Column("score", f"validation {shared or 'score'}", True), Column("outcome", "outcome")]
    rows = [[Cell(f"#{job['number']}", job["number"]), *(_setting(job, key) for key in keys),
             NOTHING if shared else _metric(job), _score(job, job["number"] == best), _outcome(job)] for job in jobs]
    failed = sum("error" in job for job in jobs)
    caption = f"{numbers.count(len(jobs) - failed, 'job')} done" + (f", {failed} failed" if failed else "")
    return without_empty_columns(text_table("Sweep", columns, rows, caption + "."))


def _swept(jobs: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return the keys on which jobs differ; where none does, all."""
    found = [dict(_split(word) for word in job["overrides"]) for job in jobs]
    keys = list(dict.fromkeys(key for one in found for key in one))
    return [key for key in keys if len({one.get(key) for one in found}) > 1] or keys


def _split(override: str) -> tuple[str, str]:
    key, _, value = override.partition("=")
    return key.lstrip("+"), value


def _setting(job: Mapping[str, Any], key: str) -> Cell:
    value = dict(_split(word) for word in job["overrides"]).get(key)
    return NOTHING if value is None else Cell(value, value)


def _best(jobs: Sequence[Mapping[str, Any]]) -> Any:
    """Return the number of the job with the best score, None unless several have one."""
    scored = [job for job in jobs if job.get("score") is not None]
    if len(scored) < 2:
        return None
    metric = scored[0].get("metric", "")
    sign = 1 if metric not in METRICS or METRICS.load(metric).higher_is_better else -1
    return max(scored, key=lambda job: sign * job["score"])["number"]


def _metric(job: Mapping[str, Any]) -> Cell:
    return Cell(job["metric"], job["metric"]) if job.get("metric") else NOTHING


def _score(job: Mapping[str, Any], best: bool) -> Cell:
    value = job.get("score")
    return NOTHING if value is None else Cell(numbers.score(value, job.get("metric", "score")), value, bold=best)


def _outcome(job: Mapping[str, Any]) -> Cell:
    if "error" in job:
        reason = " ".join(str(job["error"]).split())
        return Cell(f"failed: {reason}", reason)
    artifact = job.get("artifact")
    return Cell(Path(artifact).name, artifact) if artifact else Cell("done", "done")
