"""The function that Hydra runs, once for each job: typed configuration in, result or one clear line out."""

from __future__ import annotations

import errno
import json
import logging
import math
import os
import select
import sys
import traceback
from pathlib import Path
from typing import Any

from hydra.core.hydra_config import HydraConfig
from hydra.experimental.callback import Callback
from hydra.types import RunMode
from omegaconf import DictConfig

from jptransfer import plugins
from jptransfer.commands import VERBS
from jptransfer.commands.compose import typed
from jptransfer.commands.words import as_typed
from jptransfer.errors import JptError, Unfinished, causes, exhausted, shown
from jptransfer.files import json_text, new_file

JOB_FILE = "job.json"
CLOSED = (errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOTDIR, errno.EISDIR, errno.EEXIST, errno.ENAMETOOLONG,
          errno.ELOOP, errno.EBADF, errno.ENXIO, errno.EBUSY)
log = logging.getLogger("jptransfer")


def job(config: DictConfig) -> float | None:
    """Run the verb on one configuration.

    Alone, a job that fails ends the process: exit code 2 after a user's mistake, 1 after anything else. In a sweep it
    leaves its result or its reason in ``job.json`` and lets the others go on; the sweep's callback reads them.

    Returns:
        The main metric on the validation split if the verb has one; NaN if a job of a sweep failed, `Unfinished` if
        the machine ran out of something meanwhile.
    """
    plugins.start()  # a launcher may run this in a process of its own
    failure = math.nan
    hydra = HydraConfig.get()
    verb, sweeping = VERBS[hydra.job.name], hydra.mode == RunMode.MULTIRUN
    try:
        given = (verb.name, typed(config), config) if verb.is_experiment else (typed(config),)
        outcome = verb.load()(*given) or {}
    except Exception as error:
        log.info("failed", exc_info=error)
        code = report_error(error)
        if not sweeping:
            raise SystemExit(code) from None
        failure = Unfinished() if exhausted(error) else math.nan
        outcome = {"error": explained(error)[0] or str(error) or type(error).__name__, "code": code}
    if sweeping:
        facts = {"number": hydra.job.num, "overrides": [as_typed(one) for one in hydra.overrides.task]}
        with new_file(Path(hydra.runtime.output_dir, JOB_FILE)) as stream:
            stream.write(json_text(facts | outcome))
    return outcome.get("score", failure if "error" in outcome else None)


def report_error(error: BaseException) -> int:
    """Print a failure as its kind deserves and return the exit code.

    A user's mistake is one line unless ``JPT_DEBUG`` or ``HYDRA_FULL_ERROR`` asks for more, and so is a machine that
    ran out of disk or memory and a place that cannot be used; a bug keeps its traceback.
    """
    if isinstance(error, BrokenPipeError) and _reader_is_gone():
        return 141
    line, code = explained(error)
    if line and not wants_traceback():
        print(f"error: {shown(line)}", file=sys.stderr)
    else:
        traceback.print_exception(error)
    return code


def explained(error: BaseException) -> tuple[str, int]:
    """Return the line that says what is wrong, and the exit code; no line for a bug, which keeps its traceback."""
    if line := exhausted(error):
        return line, 1
    if isinstance(error, JptError):
        return str(error), 2
    return next(filter(None, map(_file_error, causes(error))), ("", 1))


def _file_error(error: BaseException) -> tuple[str, int] | None:
    """Return line and exit code if a place cannot be written or read at all (2) or nobody reads what is written (1)."""
    if not isinstance(error, OSError) or error.errno not in (*CLOSED, errno.EPIPE):
        return None
    line = f"{error.strerror}: '{error.filename}'" if error.filename else str(error.strerror)
    return line, 1 if error.errno == errno.EPIPE else 2


def _reader_is_gone() -> bool:
    """Whether nobody reads standard output any more, as after ``jpt … | head``; if so, let what is left to write go."""
    poll = select.poll()
    poll.register(1, 0)
    gone = bool(poll.poll(0))
    if gone:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    return gone


def wants_traceback() -> bool:
    """Whether the user asked for tracebacks of mistakes too."""
    return any(os.environ.get(name, "") not in ("", "0") for name in ("JPT_DEBUG", "HYDRA_FULL_ERROR"))


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
