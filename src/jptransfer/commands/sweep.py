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


class SweepCallback(Callback):
    """Prints the table when all jobs are done; ends the process with 2 if mistakes, with 1 if bugs made jobs fail."""

    def on_multirun_end(self, config: DictConfig, **_: Any) -> None:
        """Print overrides, score and artifact of every job; keep them as ``sweep.csv``."""
        from jptransfer.report.sweep import sweep_table
        from jptransfer.report.tables import csv_text, markdown

        folder = Path(config.hydra.sweep.dir)
        jobs = read_jobs(folder)
        if not jobs:
            return
        table = sweep_table(jobs)
        (folder / "sweep.csv").write_text(csv_text(table), encoding="utf-8")
        print(f"{markdown(table)}\n{table.caption}")
        if codes := {job["code"] for job in jobs if "error" in job}:
            raise SystemExit(2 if codes == {2} else 1)
