"""The verbs that work on an experiment: compose its rows and seeds, show the plan, let the pipeline build it."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from hydra.core.hydra_config import HydraConfig
from hydra.types import RunMode
from omegaconf import DictConfig

from jptransfer import pipeline
from jptransfer.artifacts import Artifact, Store
from jptransfer.commands import replay
from jptransfer.commands.compose import Composer, compose_rows
from jptransfer.commands.given import refuse_unread
from jptransfer.config import Config, Upstream, VocabularyPolicy
from jptransfer.errors import ConfigError, printable
from jptransfer.pipeline import LM_WORDS, Compose, Plan, Run, StageNode, drop_overrides
from jptransfer.registry import METRICS, MODELS
from jptransfer.runtime import RichProgress, Runtime, SilentProgress


def expand(config: Config, composed: DictConfig) -> list[Run]:
    """Return every row of the experiment with each of its seeds."""
    composer = Composer(composed)
    rows = compose_rows(config, composer)
    for row, one in rows.items():
        if len(set(one.seeds)) < len(one.seeds):
            raise ConfigError(f"{f'rows.{row}: ' if config.rows else ''}seeds={one.seeds} names a seed twice")
    changing = {row: _changing(config.rows.get(row, []), composer) for row in rows}
    return [Run(row, seed, replace(one, seed=seed, seeds=[], rows={}), changing[row])
            for row, one in rows.items() for seed in _seeds(row, one, config.rows.get(row, []))]


def _seeds(row: str, config: Config, own: list[str]) -> list[int]:
    """Return the seeds of a row: what its own overrides say, else the command line, else files and presets.

    Without this order the `seeds` of an experiment file would hide a `seed` that was typed.

    Raises:
        ConfigError: `seed` and `seeds` are given in one place.
    """
    for where, overrides in ((f"rows.{row}: ", own), ("", HydraConfig.get().overrides.task)):
        given = {one.lstrip("+").partition("=")[0] for one in overrides} & {"seed", "seeds"}
        if len(given) == 2 and config.seeds:
            raise ConfigError(f"{where}seed={config.seed} and seeds={config.seeds} are both given; give one of them")
        if given:
            return [config.seed] if given == {"seed"} or not config.seeds else config.seeds
    return config.seeds or [config.seed]


def _changing(own: list[str], composer: Composer) -> Compose:
    """Return what adds overrides to the configuration of a row, whose own overrides are `own`."""
    return lambda overrides, fresh=(): composer([*drop_overrides(own, fresh), *overrides], fresh)


def experiment(verb: str, config: Config, composed: DictConfig) -> dict[str, Any]:
    """Build what `verb` asks for of an experiment, or print the plan.

    Returns:
        For sweeps: the path of the last artifact, and the main metric on the validation split averaged over all runs.
    """
    overrides = replay.overrides()
    runs = expand(config, composed)
    store = Store(config.outputs_root)
    plan = pipeline.make_plan(pipeline.targets(verb, runs, store, config.name, replay.command(verb)), store)
    refuse_unread(config, runs)
    _check_search(runs, plan)
    for note in dict.fromkeys(filter(None, (_unused(verb, run, [*overrides, *config.rows.get(run.row, [])])
                                            for run in runs))):
        print(note, file=sys.stderr)
    if config.dry_run:
        print("\n".join(plan_lines(plan, store)))
        return {}
    if config.upstream is Upstream.require:
        pipeline.refuse_upstream(plan, [*replay.options(), *overrides])
    made = _build(plan, config, store, overrides)
    for artifact in made:
        print("\n".join(_lines(artifact)))
    return {"artifact": str(made[-1].path)} | validation_score(plan, store)


def _check_search(runs: list[Run], plan: Plan) -> None:
    """Raise `ConfigError` if a search has no metric to go by, or goes away from what its metric calls better."""
    hydra = HydraConfig.get()
    direction = hydra.sweeper.get("direction") if hydra.mode == RunMode.MULTIRUN else None
    if direction and all(step.node.stage != "finetune" for step in plan.steps):
        raise ConfigError("a search goes by the validation score of task models, and this verb makes none; "
                          "try `jpt finetune` with a task")
    for run in runs if direction else []:
        finetuning = run.config.finetuning
        learner = finetuning.learner or MODELS.entries[run.config.model.architecture].learner
        name = getattr(replace(finetuning, learner=learner).own, "metric_for_best_model", "")
        wanted = "maximize" if not name or METRICS.load(name).higher_is_better else "minimize"
        if direction != wanted:
            raise ConfigError(f"hydra.sweeper.direction={direction}: of {name or 'the task metric'} the better value "
                              f"is the {'higher' if wanted == 'maximize' else 'lower'} one; give {wanted}")


def _unused(verb: str, run: Run, typed: list[str]) -> str:
    """Return a line on what was typed in vain for a run whose language model comes from elsewhere; empty: nothing."""
    config = run.config
    architecture = MODELS.entries[config.model.architecture]
    if verb in ("prepare", "tokenize", "encode") or config.lm in LM_WORDS or architecture.learner != "encoder":
        return ""
    sections = ["pretraining", *([] if architecture.head else ["model"])]
    if config.adaptation.vocabulary is VocabularyPolicy.keep and not config.tokenizer.source:
        sections.append("tokenizer")
    if not config.domain.sources:
        sections += ["corpus", "adaptation"]
    names = [one.lstrip("+~").partition("=") for one in typed]
    vain = [key + equals + value for key, equals, value in names
            if key.partition(".")[0] in sections and value != "none" and not key.startswith("pretraining.init_from")]
    return (f"note: lm={config.lm} brings its own weights, architecture and tokenizer"
            f"{'' if config.domain.sources else ' and, without a domain, is not trained further'}; "
            f"without effect: {', '.join(vain)}") if vain else ""


def _build(plan: Plan, config: Config, store: Store, overrides: list[str]) -> list[Artifact]:
    runtime = Runtime(config.runtime, SilentProgress())
    if plan.missing:
        print("\n".join(plan_lines(plan, store)), file=sys.stderr)
        runtime = Runtime(config.runtime, RichProgress(config.runtime.progress))
    # Standard output is for results: what libraries print there (trackers do) belongs to the progress.
    with contextlib.redirect_stdout(sys.stderr):
        return pipeline.build(plan, store, runtime, overrides)


def plan_lines(plan: Plan, store: Store) -> Iterator[str]:
    """Yield the plan as a table: stage, artifact, state, and a remark (why it is missing, that other code made it)."""
    rows = [(step.node.stage, f"{step.node.name}-{step.node.id}", step.state.value, remark)
            for step, remark in zip(plan.steps, pipeline.remarks(plan, store), strict=True)]
    widths = [max(len(row[column]) for row in rows) for column in range(3)]
    for row in rows:
        cells = [*(cell.ljust(width) for cell, width in zip(row, widths, strict=False)), row[3]]
        yield printable("  ".join(cells).rstrip())


def _lines(artifact: Artifact) -> Iterator[str]:
    """Yield what is printed of an artifact: a report's tables and page, and where it is."""
    results = artifact.path / "results.md"
    if artifact.manifest.kind == "report" and results.is_file():
        yield results.read_text(encoding="utf-8").strip()
        yield f"page: {artifact.path / 'report.html'}"
    yield f"artifact: {artifact.path}"


def _task_models(node: StageNode) -> Iterator[StageNode]:
    """Yield the task models that `node` is or was made of, but not those that they themselves took something from."""
    if node.stage == "finetune":
        yield node
        return
    for source in node.inputs.values():
        if isinstance(source, StageNode):
            yield from _task_models(source)


def validation_score(plan: Plan, store: Store) -> dict[str, Any]:
    """Return ``{metric, score}``: the main metric on the split of role `search`, averaged over the plan's models."""
    nodes = {node.fingerprint: node for target in plan.targets for node in _task_models(target)}
    found = [store.find(fingerprint, "task_model") for fingerprint in nodes]
    scored = [score for one in found if one and (score := _validated(one.manifest.summary))]
    if not scored:
        return {}
    metric = scored[0][0]
    return {"metric": metric, "score": sum(score for _, score in scored) / len(scored)}


def _validated(summary: dict[str, Any]) -> tuple[str, float] | None:
    """Return the main metric of a task model and its score on the split of role `search`; None if it has none."""
    values = summary.get("values", {})
    metric, scores = values.get("metric"), values.get("search")
    score = scores.get(metric) if isinstance(metric, str) and isinstance(scores, dict) else None
    return (metric, float(score)) if isinstance(score, int | float) else None
