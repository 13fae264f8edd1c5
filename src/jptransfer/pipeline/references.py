"""What references of a configuration mean: models made elsewhere, by artifact id, folder or name on the hub."""

from __future__ import annotations

from pathlib import Path
from re import fullmatch

from jptransfer.artifacts import Artifact
from jptransfer.artifacts.fingerprint import External
from jptransfer.artifacts.manifest import FILE
from jptransfer.config.finetuning import BUILD
from jptransfer.errors import ArtifactError, ConfigError
from jptransfer.hub import HUB
from jptransfer.pipeline.external_inputs import digest_location, pinned
from jptransfer.pipeline.graph import PretrainedRef, StageGraph, once
from jptransfer.pipeline.rules.facts import FROM_SCRATCH, LM_WORDS, names_model, starts_from_model


@once
def find_given_model(graph: StageGraph) -> PretrainedRef | None:
    """Return the language model made elsewhere that a run builds on; it brings its own tokenizer and architecture.

    It is the one that `lm` names, else the one that `pretraining.init_from` names.
    """
    config = graph.config
    named = language_model_reference(graph, "lm", config.lm) if names_model(config) else None
    start = (language_model_reference(graph, "pretraining.init_from", config.pretraining.init_from)
             if starts_from_model(config) else None)
    if named and start and named.fingerprint != start.fingerprint:
        raise ConfigError(f"lm={config.lm} and pretraining.init_from={config.pretraining.init_from} are two models to "
                          "start from; give one of them")
    return named or start


def language_model_reference(graph: StageGraph, where: str, value: str) -> PretrainedRef:
    """Return the language model that `value` means: ``hf:name@revision``, a folder, or the id of an artifact.

    Args:
        graph: whose store is searched.
        where: the setting, for messages.
        value: what it was set to.
    """
    if value.startswith(HUB):
        return PretrainedRef("hub", pinned(value), value, False)
    path = Path(value)
    if path.is_dir() and not (path / FILE).is_file():
        if not (path / "config.json").is_file():
            raise ConfigError(f"{where}: the folder '{value}' holds no model of transformers (no config.json)")
        digest = digest_location(External(where, True, value, None), graph.store)
        return PretrainedRef("folder", digest, value, (path / "jpt_tokenizer.json").is_file())
    words = LM_WORDS if where == "lm" else FROM_SCRATCH[1:]
    hub = HUB + (value if fullmatch(r"[\w.-]+/[\w.@-]+", value) else "org/name@revision")
    takes = f"{', '.join(words)}, an artifact id, a folder or {hub}"
    found = _find(graph, where, value, "language_model", words, takes)
    return PretrainedRef("language_model", found.manifest.fingerprint, str(found.path), True)


def task_model_reference(graph: StageGraph, where: str, value: str) -> PretrainedRef:
    """Return the task model that `value` means: a folder or the id of an artifact (see `language_model_reference`)."""
    folder = Path(value)
    if (folder / "task_model.json").is_file() and not (folder / FILE).is_file():
        return PretrainedRef("folder", digest_location(External(where, True, value, None), graph.store), value, True)
    found = _find(graph, where, value, "task_model", (BUILD,), f"{BUILD}, the id of a task model or its folder")
    return PretrainedRef("task_model", found.manifest.fingerprint, str(found.path), True)


def _find(graph: StageGraph, where: str, value: str, kind: str, words: tuple[str, ...], takes: str) -> Artifact:
    """Return the artifact of a kind that `value` names; its files are checked."""
    try:
        found = graph.store.resolve(value, (kind,), words)
    except ArtifactError as error:
        raise ConfigError(f"{where}: {error}; it takes {takes}") from None
    if found.manifest.kind != kind:
        raise ConfigError(f"{where}: {found.label} is not a {kind.replace('_', ' ')}")
    graph.store.check(found)
    return found
