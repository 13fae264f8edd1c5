"""Learning curves and lengths, read from the artifacts for the figures."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from jptransfer.config.task import SPLITS
from jptransfer.evaluation.metrics import load_metric
from jptransfer.report.results import Results
from jptransfer.report.sources import Source, Sources
from jptransfer.tasks.splits import read_role, read_roles

Points = list[tuple[float, float]]


def loss_curves(sources: Sources) -> dict[str, dict[str, Points]]:
    """Return label of a language model -> split -> (step, loss)."""
    return {f"{one.manifest.name} {one.manifest.id[:6]}": {split: _series(one, split, "step", "loss")
                                                          for split in ("train", "validation")}
            for one in sources.of_kind("language_model")}


def validation_curves(sources: Sources, results: Results) -> tuple[dict[str, list[Points]], str]:
    """Return row -> one list of (epoch, validation metric) a seed, and which metric it is.

    It is the report's metric where fine-tuning recorded it in every epoch, else the task's own.
    """
    models = {row.name: [model for run in row.runs if (model := sources.task_model(run))] for row in results.rows}
    own = load_metric("", results.rows[0].evaluations[0].task).name
    for name in (results.metric.name, own):
        curves = {row: [_series(model, "validation", "epoch", name) for model in runs] for row, runs in models.items()}
        if any(any(runs) for runs in curves.values()):
            break
    return curves, name


def _series(source: Source, split: str, across: str, up: str) -> Points:
    records = [record for record in source.records() if record.get("split") == split]
    return [(record[across], record[up]) for record in records if across in record and up in record]


def text_lengths(results: Results) -> dict[str, list[int]]:
    """Return split -> length in characters of every text, or of both texts of every pair.

    The final split's texts are those of the evaluation.
    """
    first = results.rows[0].predictions[0]
    found = {first.split: _lengths(first.rows)}
    if results.dataset:
        folder = results.dataset.folder
        roles, own = read_roles(folder), found
        found = {roles.fit: _lengths(read_role(first.task, folder, "fit")),
                 roles.select: _lengths(read_role(first.task, folder, "select"))} | own
    return found


def _lengths(examples: Sequence[Any]) -> list[int]:
    return [len(one.text) + len(one.text_pair or "") for one in examples]


def sentence_lengths(encoded: Source) -> dict[str, np.ndarray]:
    """Return split -> length in tokens of every sentence of an encoded corpus."""
    found = {split: encoded.folder / f"{split}.sentences.npy" for split in SPLITS}
    return {split: np.diff(np.load(path, mmap_mode="r")) for split, path in found.items() if path.is_file()}
