"""`jpt reproduce`: plan a paper's tables, build what is missing, here or through a launcher, and write them."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hydra.core.hydra_config import HydraConfig
from hydra.types import RunMode

from jptransfer import pipeline
from jptransfer.artifacts import Store
from jptransfer.commands import replay
from jptransfer.commands.compose import Composer
from jptransfer.commands.job import explained
from jptransfer.commands.suite_states import SuiteState, SuiteStates
from jptransfer.commands.words import quote
from jptransfer.config import ReproduceConfig
from jptransfer.errors import ConfigError
from jptransfer.files import can_write
from jptransfer.pipeline import Plan
from jptransfer.report import numbers
from jptransfer.runtime import RichProgress, Runtime, SilentProgress
from jptransfer.suites import library
from jptransfer.suites.planning import CellPlan, Choice, SuitePlan, estimate, joint_plan, plan_suite

if TYPE_CHECKING:
    from jptransfer.suites.results import SuiteResult

Failures = dict[str, tuple[str, int]]
"""Fingerprint -> (why it could not be made, the exit code that this kind of failure has)."""


def reproduce(config: ReproduceConfig) -> dict[str, Any] | None:
    """Make the tables asked for.

    Returns:
        As a job of a launcher: ``{failures}``; the process that launched it writes the tables.
    """
    store = Store(config.outputs_root)
    if config.suite == "ls":
        list_suites(config, store)
        return None
    suites = library.at_scale(config.scale, config.suite)  # loads their plugins, whose settings are composed
    compose = Composer()
    if len(suites) > 1 and (config.only or config.cells):
        raise ConfigError("only and cells choose of one suite; name it, as in bataa2019/table3")
    plans = [plan_suite(suite, _choice(config), compose, store) for suite in suites]
    _refuse_unread(config, plans)
    plan = joint_plan(plans, store)
    if HydraConfig.get().mode == RunMode.MULTIRUN:
        return {"failures": _build(plans, plan, config, store)}
    if not config.overrides and not config.seeds:
        SuiteStates(store, config.scale, _choice(config).places).remember(plans)
    print("\n".join(state_lines(plans, plan, store)), file=sys.stdout if config.dry_run else sys.stderr)
    if config.dry_run:
        if any(cell.problem for planned in plans for cell in planned.cells):
            raise SystemExit(2)
        return None
    is_launched = not HydraConfig.get().launcher._target_.endswith("BasicLauncher") and plan.missing
    failures = (_launch if is_launched else _build)(plans, plan, config, store)
    results = _write(config, plans, store, failures)
    codes = {code for _, code in failures.values()} | {
        2 for result in results for cell in result.cells.values() if cell.problem}
    if codes:
        raise SystemExit(2 if codes == {2} else 1)
    return None


def _refuse_unread(config: ReproduceConfig, plans: Sequence[SuitePlan]) -> None:
    """Raise `ConfigError` for an override of all cells, or of a suite's own, that no cell reads.

    A suite's own are those of all its cells, unless overrides of all cells choose otherwise.
    """
    given = [("overrides", config.overrides, plans)]
    if not (config.overrides or config.only or config.cells):
        given = [(plan.suite.name, [one for cell in plan.cells for one in plan.overrides_of(cell)], [plan])
                 for plan in plans]
    for where, overrides, among in given:
        read = {one for plan in among for cell in plan.cells for one in cell.overrides}
        if unread := [one for one in overrides if one not in read]:
            raise ConfigError(f"{where}: no cell reads {unread[0]}; it is for a head, tokenizer, learner, ... that "
                              "none of them chooses")


def _choice(config: ReproduceConfig) -> Choice:
    return Choice(config.scale, config.only, config.cells, config.seeds, config.overrides,
                  [f"data_root={quote(config.data_root)}", f"outputs_root={quote(config.outputs_root)}"])


def list_suites(config: ReproduceConfig, store: Store) -> None:
    """Print every shipped suite with its state at the scale asked for."""
    states = SuiteStates(store, config.scale, _choice(config).places)
    found = [(outline, states.of(outline)) for outline in states.outlines()]
    rows = [(outline.name, _spoken(state), outline.title) for outline, state in found]
    widths = [max(len(row[column]) for row in rows) for column in range(2)]
    print("\n".join(f"{name:<{widths[0]}}  {state:<{widths[1]}}  {title}" for name, state, title in rows))
    if any(state.unchecked for _, state in found):
        print("not checked: cells that were not planned here since jpt, its configuration or their files changed; "
              "`jpt reproduce SUITE dry_run=true` checks them", file=sys.stderr)


def _state(planned: SuitePlan, plan: Plan) -> SuiteState:
    missing = {step.node.fingerprint for step in plan.missing}
    blocked = sum(cell.problem is not None for cell in planned.cells)
    there = sum(not cell.problem and not missing & {node.fingerprint for node in cell.targets.values()}
                for cell in planned.cells)
    return SuiteState(len(planned.cells), there, blocked)


def _spoken(state: SuiteState) -> str:
    cells = numbers.count(state.cells, "cell")
    if state.unchecked == state.cells:
        return f"{cells}, not checked"
    blocked = [f"{state.blocked} can't be run"] if state.blocked else []
    unchecked = [f"{state.unchecked} not checked"] if state.unchecked else []
    return ", ".join([f"{state.cached} of {cells} cached", *blocked, *unchecked])


def state_lines(plans: Sequence[SuitePlan], plan: Plan, store: Store) -> Iterator[str]:
    """Yield what is there, what is missing, why cells can't be run, and how long the rest may take."""
    width = max(len(planned.suite.name) for planned in plans)
    for planned in plans:
        yield f"{planned.suite.name:<{width}}  {_spoken(_state(planned, plan))}"
    problems: dict[str, list[str]] = {}
    for planned in plans:
        for cell in planned.cells:
            if cell.problem:
                problems.setdefault(str(cell.problem), []).append(f"{planned.suite.name} {cell.name}")
    for problem, cells in problems.items():
        more = f" and {len(cells) - 3} more" if len(cells) > 3 else ""
        yield f"✗ {', '.join(cells[:3])}{more}: {problem}"
    if plan.missing:
        for step in plan.missing:
            yield f"  missing  {step.node.stage:<15}  {step.node.name}-{step.node.id}"
        yield f"{numbers.count(len(plan.missing), 'stage')} to run: {_duration(*estimate(plan, store))}"
    else:
        yield "nothing to run"


def _duration(seconds: float, untimed: int) -> str:
    spoken = f"about {seconds / 60:.0f} min" if seconds >= 90 else f"about {seconds:.0f} s"
    known = f"{spoken}, going by like stages that ran here" if seconds else ""
    none = f"{numbers.count(untimed, 'stage')} without any like it to go by" if untimed else ""
    return "; ".join(filter(None, (known, none)))


def _build(plans: Sequence[SuitePlan], plan: Plan, config: ReproduceConfig, store: Store) -> Failures:
    """Build all that is missing in this process."""
    overrides: dict[str, list[str]] = {}
    for cell in (cell for planned in plans for cell in planned.cells):
        for node in pipeline.upstream(list(cell.targets.values())):
            overrides.setdefault(node.fingerprint, cell.overrides)
    runtime = Runtime(config.runtime, RichProgress(config.runtime.progress) if plan.missing else SilentProgress())
    # Standard output is for results: what libraries print there belongs to the progress.
    with contextlib.redirect_stdout(sys.stderr):
        failed = pipeline.build_past_failures(plan, store, runtime, overrides)
    return {key: _failure(error) for key, error in failed.items()}


def _failure(error: BaseException) -> tuple[str, int]:
    line, code = explained(error)
    said, name = " ".join(str(error).split()), type(error).__name__
    return line or (f"{name}: {said}" if said else name), code


def _launch(plans: Sequence[SuitePlan], plan: Plan, config: ReproduceConfig, store: Store) -> Failures:
    """Let the launcher run a job for each cell that lacks something; equal cells share a job."""
    from hydra._internal.callbacks import Callbacks
    from hydra.core.global_hydra import GlobalHydra
    from hydra.core.plugins import Plugins
    from hydra.types import HydraContext

    from jptransfer.commands.job import job, read_jobs

    hydra, loader = HydraConfig.get(), GlobalHydra.instance().config_loader()
    kept = [one for one in hydra.overrides.task if one.partition("=")[0] not in ("suite", "cells", "only")]
    todo = _jobs(plans, plan, config)
    jobs = [[*kept, f"suite={quote(suite)}", f"cells=[{quote(cell.name)}]"] for suite, cell in todo]
    master = loader.load_configuration(hydra.job.config_name, [*hydra.overrides.hydra, *kept, "suite=all",
                                                               "hydra.mode=MULTIRUN"], run_mode=RunMode.MULTIRUN)
    launcher = Plugins.instance().instantiate_launcher(
        hydra_context=HydraContext(config_loader=loader, callbacks=Callbacks()), task_function=job, config=master)
    launcher.launch(jobs, initial_job_idx=0)
    failures: Failures = {}
    for done in read_jobs(Path(master.hydra.sweep.dir)):
        if "error" in done:
            targets = todo[done["number"]][1].targets.values()
            failures |= {node.fingerprint: (done["error"], done["code"]) for node in targets}
        failures |= {key: (said, code) for key, (said, code) in done.get("failures", {}).items()}
    return failures


def _jobs(plans: Sequence[SuitePlan], plan: Plan, config: ReproduceConfig) -> list[tuple[str, CellPlan]]:
    """Return suite and cell of every cell that lacks something, one for cells that need the same."""
    missing = {step.node.fingerprint for step in plan.missing}
    wanted: dict[frozenset[str], tuple[str, CellPlan]] = {}
    for planned in plans:
        name = config.suite if len(plans) == 1 else planned.suite.name
        for cell in planned.cells:
            need = frozenset(node.fingerprint for node in cell.targets.values())
            if need & missing:
                wanted.setdefault(need, (name, cell))
    return list(wanted.values())


def _write(config: ReproduceConfig, plans: Sequence[SuitePlan], store: Store,
           failures: Failures) -> list[SuiteResult]:
    from jptransfer.report.tables import document
    from jptransfer.suites import rendering
    from jptransfer.suites.results import collect

    folder = Path(config.outputs_root) / "suites"
    reasons: Mapping[str, str] = {key: said for key, (said, _) in failures.items()}
    results = [collect(planned, store, reasons, *replay.suite_words()) for planned in plans]
    sections = [rendering.section(result) for result in results]
    is_writable = can_write(folder)
    for made in sections:
        print(document([made.table]), end="")
        if is_writable:
            print(f"page: {rendering.write(made, folder / made.name / config.scale)}\n")
    if not is_writable:
        print(f"note: permission denied: no pages are written in '{folder}'", file=sys.stderr)
    elif len(sections) > 1:
        title = "All tables" if config.suite == library.ALL else f"Tables of {config.suite}"
        book = folder / f"{config.suite}-{config.scale}.html"
        book.write_text(rendering.page(sections, title, config.scale), encoding="utf-8")
        print(f"book: {book}")
    return results
