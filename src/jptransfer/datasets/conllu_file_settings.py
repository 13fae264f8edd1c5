"""Settings and registry row of reader `conllu_file`."""

from __future__ import annotations

from dataclasses import dataclass

from jptransfer.registry import DATASETS


@DATASETS.register("conllu_file", target="jptransfer.datasets.conllu_file:read", version=2)
@dataclass
class ConlluFileConfig:
    """CoNLL-U with named entities in MISC (UD Japanese GSD)."""

    tag: str = "NE"
    """key of the entity's tag in MISC"""
