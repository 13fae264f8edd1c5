"""Building a plan: locking, resuming, publishing and lineage, once for all stages."""

from __future__ import annotations

import dataclasses
import os
import shutil
import time
from collections.abc import Mapping
from pathlib import Path

from jptransfer.artifacts import Artifact, Manifest, Store
from jptransfer.artifacts.store import recorded_files
from jptransfer.errors import ConfigError, JptError, WorkError, exhausted
from jptransfer.pipeline.graph import StageNode
from jptransfer.pipeline.inputs import Sources, check_references
from jptransfer.pipeline.planning import Plan
from jptransfer.pipeline.provenance import provenance
from jptransfer.pipeline.stage import WORK, Summary, find_stage
from jptransfer.runtime import Runtime


def build(plan: Plan, store: Store, runtime: Runtime, overrides: list[str]) -> list[Artifact]:
    """Build what is missing, inputs first, and return the artifacts of the plan's targets.

    Raises:
        ConfigError: jpt itself was started several times by a distributed launcher.
    """
    _refuse_launchers(plan)
    check_references(step.node for step in plan.missing)
    made = {step.node.fingerprint: step.artifact for step in plan.steps if step.artifact}
    for step in plan.steps:
        if step.target and step.artifact:
            store.check(step.artifact)
    for step in plan.missing:
        made[step.node.fingerprint] = build_node(step.node, made, store, runtime, overrides)
    store.digests.save()
    return [artifact for node in plan.targets if (artifact := made[node.fingerprint])]


def build_past_failures(plan: Plan, store: Store, runtime: Runtime,
                        overrides: Mapping[str, list[str]]) -> dict[str, Exception]:
    """Build what is missing, inputs first, and go on past what fails; what needs a failed input is not tried.

    Args:
        overrides: fingerprint -> overrides that the artifact's provenance names.

    Returns:
        fingerprint -> the error that kept it, or an input of it, from being made.
    """
    _refuse_launchers(plan)
    made = {step.node.fingerprint: step.artifact for step in plan.steps if step.artifact}
    failed: dict[str, Exception] = {}
    for node in (step.node for step in plan.missing):
        behind = [failed[one.fingerprint] for one in node.inputs.values() if one.fingerprint in failed]
        try:
            if behind:
                raise behind[0]
            check_references([node])
            made[node.fingerprint] = build_node(node, made, store, runtime, overrides[node.fingerprint])
        except Exception as error:
            failed[node.fingerprint] = error
            if not behind:
                what = exhausted(error) or str(error) or type(error).__name__
                runtime.progress.log(f"✗ {node.stage} {node.name}-{node.id}  {what}")
    store.digests.save()
    return failed


def _refuse_launchers(plan: Plan) -> None:
    if plan.missing and int(os.environ.get("WORLD_SIZE", "1")) > 1:
        raise ConfigError("start jpt once, without torchrun or accelerate launch, and set runtime.processes=N")


def build_node(node: StageNode, made: Mapping[str, Artifact | None], store: Store, runtime: Runtime,
               overrides: list[str]) -> Artifact:
    """Build one node, or wait for the process that is building it and take what it made."""
    named = dataclasses.replace(runtime, title=f"{node.name}-{node.id}")
    title = f"{node.stage} {named.title}"
    say = runtime.progress.log
    with store.lock(node.fingerprint, lambda: say(f"… {title}: another process builds it, waiting")) as work:
        found = store.find(node.fingerprint, node.kind) or store.finish(work, node.kind, node.name, node.fingerprint)
        if found:
            return found
        say(f"→ {title}{' (resumed)' if work.exists() else ''}")
        artifact = _run(node, made, work, store, named, overrides)
    headline = artifact.manifest.summary["headline"]
    say(f"✓ {title}  {artifact.manifest.seconds:.1f} s  {headline}")
    return artifact


def _run(node: StageNode, made: Mapping[str, Artifact | None], work: Path, store: Store, runtime: Runtime,
         overrides: list[str]) -> Artifact:
    started = time.perf_counter()
    sources = Sources(node, made, store)
    folders = sources.folders()
    sources.check()
    try:
        summary = _fill(node, folders, work, runtime)
    except JptError as error:
        from jptransfer.config.qualified import qualified  # with OmegaConf, which `jpt --help` does without

        sources.explain(error, work)
        error.args = (qualified(str(error), node.section), *error.args[1:])
        raise
    except Exception as error:
        sources.explain(error, work)
        raise
    sources.check(work)
    manifest = Manifest(
        kind=node.kind, name=node.name, fingerprint=node.fingerprint, recipe=node.recipe, inputs=_records(node),
        files=recorded_files(work), summary=dataclasses.asdict(summary),
        seconds=round(time.perf_counter() - started, 3), provenance=provenance(overrides, runtime.settings))
    return store.publish(work, manifest)


def _fill(node: StageNode, inputs: Mapping[str, Path], work: Path, runtime: Runtime) -> Summary:
    """Run a stage; if what an interrupted run left for it cannot be read, once more from its beginning."""
    run = find_stage(node.stage).run
    _clear(work)
    try:
        return run(node.config, inputs, work, runtime)
    except WorkError as error:
        runtime.progress.log(f"! {node.stage} {runtime.title}: {error}; it is set aside and the stage starts again")
        shutil.rmtree(work)
        _clear(work)
        return run(node.config, inputs, work, runtime)


def _clear(work: Path) -> None:
    """Remove what a killed process left, temporary files among it, but the folder a stage resumes from."""
    scratch = work / WORK
    for path in (work, scratch):
        if path.is_symlink() or (path.exists() and not path.is_dir()):
            path.unlink()
    for left in [path for path in work.glob("*") if path != scratch]:
        shutil.rmtree(left) if left.is_dir() and not left.is_symlink() else left.unlink()
    scratch.mkdir(parents=True, exist_ok=True)


def _records(node: StageNode) -> dict[str, dict[str, str]]:
    made = {role: {"kind": source.kind, "fingerprint": source.fingerprint} for role, source in node.inputs.items()}
    raw = {where: {"kind": digest.partition(":")[0], "digest": digest} for where, digest in node.externals.items()}
    return made | raw
