"""Check that the files of a model folder from elsewhere fit together."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from safetensors import safe_open
from transformers import AutoConfig

from jptransfer.errors import DataError, raising_as
from jptransfer.models.pretrained import (
    check_weights,
    explained,
    local_architecture,
    read_model_type,
    register_auto_classes,
)
from jptransfer.text.base import DESCRIPTION, MAKER, TRANSFORMERS_CONFIG, read_object, read_settings
from jptransfer.text.pretrained import PretrainedTokenizer
from jptransfer.text.tokenizers import load_tokenizer

VOCABULARY = "vocab.txt"
TOKENIZERS = ("tokenizer*", "vocab*", "*.model", "merges.txt")
"""Patterns of files that show that a folder holds a tokenizer."""
LEAST_UNITS = 0.75
"""Minimum share of an embedding's rows that the tokenizer has tokens for; embeddings are padded, but by less."""


def check_folder(folder: Path, ours: bool = False) -> None:
    """Check a folder without a manifest before anything is built with it. Weight files are opened, not read.

    Args:
        folder: the folder of the model.
        ours: whether the folder is known to hold a model of jpt, whose tokenizer has a ``jpt_tokenizer.json``.

    Raises:
        DataError: a file is missing or damaged, or files do not belong together; the message names the file.
    """
    config = read_object(folder / "config.json")
    check_weights(folder)
    register_auto_classes(folder)
    with explained(AutoConfig, folder):
        stated = AutoConfig.from_pretrained(folder, trust_remote_code=False)
    for index in sorted(folder.glob("*.safetensors.index.json")):
        _check_index(index)
    tensors = 0
    for weights in sorted(folder.glob("*.safetensors")):
        with raising_as(f"{weights} is damaged"), safe_open(weights, framework="pt") as opened:
            tensors += len(opened.keys())
    _check_counts(folder / "config.json", config, stated, tensors)
    _check_vocabulary(folder / VOCABULARY)
    made = read_object(folder / TRANSFORMERS_CONFIG) if (folder / TRANSFORMERS_CONFIG).exists() else {}
    if not (folder / DESCRIPTION).exists():
        if ours or local_architecture(read_model_type(folder)):
            raise DataError(f"{folder / DESCRIPTION} is missing: a model of jpt reads with its own tokenizer")
        if made.get(MAKER):
            raise DataError(f"{folder / DESCRIPTION} is missing, but {TRANSFORMERS_CONFIG} says that jpt made the "
                            f'tokenizer; copy the file here, or remove "{MAKER}" there to read it as transformers does')
    if (folder / DESCRIPTION).exists() or any(path for pattern in TOKENIZERS for path in folder.glob(pattern)):
        _check_units(folder, config)


def _check_counts(path: Path, config: dict[str, Any], stated: Any, tensors: int) -> None:
    """Compare the numbers of layers, groups and experts with the weights, before too many layers are built."""
    for name, value in config.items():
        counts = re.search("layer|group|expert", name) and not name.startswith("max_")  # Qwen2's max_window_layers
        if counts and isinstance(value, int) and value > tensors:
            raise DataError(f"{path} is damaged: {name} is {value}, but there are {tensors} tensors of weights")
    layers = getattr(stated, "num_hidden_layers", None)
    if isinstance(layers, int) and layers < 1 and not local_architecture(stated.model_type):
        raise DataError(f"{path} is damaged: num_hidden_layers is {layers}")


def _check_vocabulary(path: Path) -> None:
    """Raise `DataError` if a token has two lines in ``vocab.txt``: all ids after the second line would be wrong."""
    if not path.is_file():
        return
    seen: dict[str, int] = {}
    with raising_as(f"{path} is damaged"):
        lines = path.read_bytes().decode("utf-8").rstrip("\n").split("\n")
    for number, token in enumerate(lines, 1):
        if (first := seen.setdefault(token, number)) != number:
            raise DataError(f"{path} is damaged: line {number} is the same as line {first} ({token[:50]!r})")


def _check_index(index: Path) -> None:
    shards = read_object(index).get("weight_map")
    if not isinstance(shards, dict):
        raise DataError(f"{index} is damaged: it has no weight_map")
    for shard in sorted(set(map(str, shards.values()))):
        if not (index.parent / shard).is_file():
            raise DataError(f"{index.parent / shard} is missing: {index.name} names it")


def _check_units(folder: Path, config: dict[str, Any]) -> None:
    """Compare the size of the tokenizer's vocabulary with the rows of the embedding."""
    tokenizer, rows = load_tokenizer(folder), config.get("vocab_size")
    if not isinstance(rows, int) or isinstance(rows, bool):
        return
    units = tokenizer.vocab_size
    # Sentinel tokens do not occur in texts, but have rows: 125 of ByT5's 384.
    most = max(units, len(tokenizer.tokenizer)) if isinstance(tokenizer, PretrainedTokenizer) else units
    own = (folder / DESCRIPTION).is_file() and read_settings(folder).kind != "pretrained"
    # This project's architectures have further rows, so the numbers need not be equal.
    exact = own and not local_architecture(read_model_type(folder))
    if units > rows or most < LEAST_UNITS * rows or (exact and units != rows):
        raise DataError(f"{folder}: the tokenizer has {units} units, and config.json an embedding of {rows} rows; they "
                        "do not belong together, or the vocabulary is damaged")
