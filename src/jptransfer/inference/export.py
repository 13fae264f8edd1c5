"""Write a tokenizer, language model or task model as a folder for plain transformers: what `jpt export` does."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from jptransfer.artifacts.manifest import FILE as MANIFEST
from jptransfer.artifacts.manifest import Manifest
from jptransfer.config import TruncationSide
from jptransfer.errors import ArtifactError, ConfigError
from jptransfer.files import json_text, new_folder
from jptransfer.learners.prediction import TASK_MODEL, read_settings, reads_pairs
from jptransfer.models.pretrained import local_architecture, read_model_type
from jptransfer.tasks.base import Level, load_kind
from jptransfer.tasks.files import PREDICTIONS
from jptransfer.text.base import DESCRIPTION
from jptransfer.text.base import read_settings as tokenizer_settings

TOKENIZER, LANGUAGE_MODEL = "", "fill-mask"
"""What a folder is for, if not for the pipeline of a task: a tokenizer for none."""
TAGGING = "token-classification"
"""A pipeline that takes no second text."""
_OURS = {MANIFEST, PREDICTIONS, TASK_MODEL, "history.jsonl"}


def export(folder: Path, to: Path) -> None:
    """Write the artifact in `folder` to the new folder `to`, with a model card; `to` appears when it is complete.

    Raises:
        ArtifactError: `folder` holds nothing that can be exported.
        ConfigError: `to` is not empty, or transformers has no class that computes what the model does.
    """
    with new_folder(to, "to") as partial:
        use = _use(folder)
        for file in sorted(folder.iterdir()):
            if file.is_file() and file.name not in _OURS:
                shutil.copyfile(file, partial / file.name)
        (partial / "README.md").write_text(model_card(folder, use, to.name), encoding="utf-8")


def _use(folder: Path) -> str:
    """Return the pipeline of transformers that the folder is for, once it is clear that transformers can compute it.
    """
    if ours := local_architecture(read_model_type(folder)):
        raise ConfigError(f"a model of architecture '{ours}' cannot be exported: transformers has no such model; use "
                          "`jpt predict`")
    if (folder / DESCRIPTION).is_file() and tokenizer_settings(folder).only_ours:
        raise ConfigError("what reads romanised text or joined auxiliaries cannot be exported: transformers has no "
                          "such tokenizer; use `jpt predict`")
    if (folder / TASK_MODEL).is_file():
        return _task_use(read_settings(folder))
    if (folder / "config.json").is_file():
        return LANGUAGE_MODEL
    if not (folder / "tokenizer_config.json").is_file():
        raise ArtifactError(f"{folder} holds no tokenizer, language model or task model")
    return TOKENIZER


def _task_use(settings: Mapping[str, Any]) -> str:
    if settings["learner"] != "encoder":
        raise ConfigError(f"a task model of learner '{settings['learner']}' cannot be exported: transformers has no "
                          "such model; use `jpt predict`")
    head = settings["head"]["name"]
    if head:
        raise ConfigError(f"a task model with head '{head}' cannot be exported: transformers has no such model; use "
                          "`jpt predict`, or fine-tune with finetuning.encoder.head.name=")
    return load_kind(settings["kind"]).output.pipeline


def model_card(folder: Path, use: str, name: str) -> str:
    """Return the README of an exported folder: how to load it, and from its manifest what it was made of."""
    front = ["---", "language: ja", "library_name: transformers"]
    front += [f"pipeline_tag: {use}"] if use else []
    imported, call = "AutoTokenizer", f'AutoTokenizer.from_pretrained("{name}")'
    if use:
        text = '"…[MASK]…"' if use == LANGUAGE_MODEL else '"…"'
        if _pairs(folder) and use != TAGGING:
            text = '{"text": "…", "text_pair": "…"}'
        imported, call = "pipeline", f'pipeline("{use}", model="{name}")({text})'
    lines = [*front, "---", "", f"# {name}", "", "Made with jptransfer. To use it:", "", "```python",
             f"from transformers import {imported}", "", call, "```", "", *_limits(folder, use)]
    if (folder / MANIFEST).is_file():
        lines += _lineage(Manifest.read(folder))
    return "\n".join(lines)


def _limits(folder: Path, use: str) -> list[str]:
    """Return what plain transformers does not do by itself: cut long texts, normalise before the tokenizer."""
    lines = []
    if (folder / TASK_MODEL).is_file():
        settings = read_settings(folder)
        if load_kind(settings["kind"]).output.level is Level.sequence:
            end = "last" if settings.get("truncation_side") == TruncationSide.left.value else "first"
            lines += [f"In training, texts were cut to their {end} {settings['max_length']} tokens, special tokens "
                      f"included: call the pipeline with `truncation=True, max_length={settings['max_length']}`"
                      + (" and `tokenizer.truncation_side = \"left\"`." if end == "last" else "."), ""]
        else:
            lines += [f"The model reads at most {settings['max_length']} tokens, special tokens included; longer texts "
                      "were read in overlapping windows (pipeline: `stride`).", ""]
        if _pairs(folder) and use == TAGGING:
            lines += ["The model was trained on pairs of texts, and the pipeline takes single ones: call tokenizer and "
                      "model yourself, as in `model(**tokenizer(text, text_pair, return_tensors=\"pt\"))`.", ""]
    if (folder / DESCRIPTION).is_file() and tokenizer_settings(folder).before:
        lines += ["Texts were normalised before the tokenizer got them (NFKC of characters with their marks: か and "
                  "U+3099 are one character). Do the same, or ids can differ.", ""]
    return lines


def _pairs(folder: Path) -> bool:
    return (folder / TASK_MODEL).is_file() and reads_pairs([folder])


def _lineage(manifest: Manifest) -> list[str]:
    inputs = [f"- {role}: {entry.get('name', entry['kind'])} `{entry.get('fingerprint', entry.get('digest', ''))}`"
              for role, entry in sorted(manifest.inputs.items())]
    settings = json_text(manifest.recipe.get("config", {}), indent=1)
    return [
        "## Where it comes from", "", f"{manifest.kind} `{manifest.name}`, fingerprint `{manifest.fingerprint}`.", "",
        manifest.summary.get("headline", ""), "", *(["Inputs:", "", *inputs, ""] if inputs else []),
        "## Settings", "", "```json", settings, "```", "",
    ]
