"""The end of a sweep: one table of all jobs, with the reasons of those that failed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from hydra.experimental.callback import Callback
from omegaconf import DictConfig

from jptransfer.commands.job import JOB_FILE


def read_jobs(folder: Path) -> list[dict[str, Any]]:
    """Return what the jobs of a sweep left behind, in the order of their numbers."""
    jobs = [json.loads(path.read_text(encoding="utf-8")) for path in folder.glob(f"*/{JOB_FILE}")]
    return sorted(jobs, key=lambda job: job["number"])


def table(jobs: list[dict[str, Any]]) -> list[str]:
    """Return the lines of the table: number, overrides, then metric and artifact or the reason of the failure."""
    shared = set.intersection(*(set(job["overrides"]) for job in jobs)) if len(jobs) > 1 else set()
    own = [" ".join(one for one in job["overrides"] if one not in shared) for job in jobs]
    width = max(map(len, own), default=0)
    head = [f"all jobs: {' '.join(one for one in jobs[0]['overrides'] if one in shared)}"] if shared else []
    return head + [f"#{job['number']:<3} {text:<{width}}  {_outcome(job)}" for job, text in zip(jobs, own, strict=True)]


def _outcome(job: dict[str, Any]) -> str:
    if "error" in job:
        return f"FAILED: {job['error']}"
    score = f"{job['metric']} {job['score']:.4f}  " if "score" in job else ""
    return f"{score}{Path(job['artifact']).name}" if "artifact" in job else f"{score}done"


class SweepCallback(Callback):
    """Prints the table when all jobs are done; ends the process with 2 if mistakes, with 1 if bugs made jobs fail."""

    def on_multirun_end(self, config: DictConfig, **_: Any) -> None:
        """Print overrides, score and artifact of every job."""
        jobs = read_jobs(Path(config.hydra.sweep.dir))
        print("\n".join(table(jobs)))
        if codes := {job["code"] for job in jobs if "error" in job}:
            raise SystemExit(2 if codes == {2} else 1)
