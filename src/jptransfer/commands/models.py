"""`jpt predict`, `jpt generate`, `jpt compare` and others: what is done with models and evaluations that are there."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from jptransfer.artifacts import Manifest, Store
from jptransfer.artifacts.manifest import FILE as MANIFEST
from jptransfer.artifacts.store import Artifact
from jptransfer.config import (
    AttentionConfig,
    CompareConfig,
    ExportConfig,
    GenerateConfig,
    HeatmapConfig,
    ImportConfig,
    PredictConfig,
)
from jptransfer.errors import ArtifactError, ConfigError
from jptransfer.files import is_standard_output, new_folder
from jptransfer.hub import HUB
from jptransfer.runtime import RichProgress, Runtime, SilentProgress
from jptransfer.tasks.files import training_counts


def resolve(store: Store, reference: str, kinds: tuple[str, ...]) -> Artifact:
    """Return the artifact meant by `reference`, whose files were checked.

    Raises:
        ArtifactError: there is none, or it is of another kind or damaged.
    """
    found = store.resolve(reference, kinds)
    if found.manifest.kind not in kinds:
        raise ArtifactError(f"{found.label} is no {' or '.join(kinds).replace('_', ' ')}")
    store.check(found)
    store.digests.save()
    return found


def predict(config: PredictConfig) -> None:
    """Classify or tag the texts of a file or of standard input."""
    from jptransfer.inference.predict import predict_file

    store = Store(config.outputs_root)
    folders = [resolve(store, one.strip(), ("task_model",)).path for one in config.artifact.split(",")]
    progress = RichProgress() if config.runtime.progress and not is_standard_output(config.output) else SilentProgress()
    predict_file(config, folders, Runtime(config.runtime, progress))


def attention(config: AttentionConfig) -> None:
    """Write a page (or the weights) of what a task model attends to in texts."""
    from jptransfer.inference.attention import attention_file

    folder = resolve(Store(config.outputs_root), config.artifact, ("task_model",)).path
    shown = attention_file(config, folder, Runtime(config.runtime, SilentProgress()))
    if not is_standard_output(config.output):
        print(f"{shown} texts: {config.output}")


def heatmap(config: HeatmapConfig) -> None:
    """Write a page, a picture or the values of a unit at each character of texts."""
    from jptransfer.inference.heatmap import heatmap_file

    folder = resolve(Store(config.outputs_root), config.artifact, ("task_model",)).path
    shown, unit = heatmap_file(config, folder, Runtime(config.runtime, SilentProgress()))
    if not is_standard_output(config.output):
        print(f"{shown} texts, unit {unit}: {config.output}")


def generate(config: GenerateConfig) -> None:
    """Write texts with a causal language model."""
    from jptransfer.inference.generate import generate_texts

    folder = _language_model(Store(config.outputs_root), config.artifact)
    progress = RichProgress() if config.runtime.progress and not is_standard_output(config.output) else SilentProgress()
    generate_texts(config, folder, Runtime(config.runtime, progress))


def _language_model(store: Store, reference: str) -> Path:
    """Return the folder of a language model: an artifact, a folder of transformers' files, or a model of the hub."""
    from jptransfer.models.folders import check_folder
    from jptransfer.models.pretrained import fetch

    if reference.startswith(HUB) or (Path(reference).is_dir() and not (Path(reference) / MANIFEST).is_file()):
        folder, _ = fetch(reference)
        if not (folder / "config.json").is_file():
            raise ConfigError(f"the folder '{reference}' holds no language model (it has no config.json)")
        check_folder(folder)
        return folder
    return resolve(store, reference, ("language_model",)).path


def export(config: ExportConfig) -> None:
    """Write a tokenizer, language model or task model for plain transformers."""
    from jptransfer.inference.export import export as write

    found = resolve(Store(config.outputs_root), config.artifact, ("tokenizer", "language_model", "task_model"))
    write(found.path, Path(config.to))
    print(f"exported: {config.to}")


def import_weights(config: ImportConfig) -> None:
    """Write weights that were released in another form as a language model."""
    from jptransfer.models.radford2017 import import_released

    folder = Path(config.folder)
    if not folder.is_dir():
        raise ConfigError(f"folder: there is no folder '{folder}'")
    with new_folder(Path(config.to), "to") as partial:
        model = import_released(folder, partial)
    print(f"imported: {config.to} ({model.config.hidden_size} units, {model.num_parameters():,} parameters)")


def compare(config: CompareConfig) -> None:
    """Print the difference of two evaluations with its interval and the paired test."""
    from jptransfer.evaluation.compare import compare_evaluations

    store = Store(config.outputs_root)
    first, second = ([resolve(store, one.strip(), ("evaluation",)).path for one in side.split(",")]
                     for side in (config.a, config.b))
    config = replace(config, split=config.split or _final_split(store, first[0]))
    print(compare_evaluations(config, first, second).text(_learnt_from(store, first[0])))


def _final_split(store: Store, evaluation: Path) -> str:
    """Return the split of role `final` of the data set behind an evaluation; test if the data set is not there."""
    from jptransfer.config.task import RolesConfig
    from jptransfer.tasks.splits import read_roles

    found = _dataset_of(store, evaluation)
    return (read_roles(found.path) if found else RolesConfig()).final


def _learnt_from(store: Store, evaluation: Path) -> dict[str, int] | None:
    """Return how often each label is in the training split behind an evaluation; None: its data set is not there."""
    found = _dataset_of(store, evaluation)
    if found:
        store.check(found)
    return training_counts(found.path) if found else None


def _dataset_of(store: Store, evaluation: Path) -> Artifact | None:
    """Return the data set behind an evaluation; None: it is not in the store."""
    source = Manifest.read(evaluation).inputs.get("dataset", {})
    return store.find(source.get("fingerprint", ""), "dataset")
