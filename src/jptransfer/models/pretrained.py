"""The one door to weights made elsewhere: fetch, load and save language models. No pickle, no code of others."""

from __future__ import annotations

import json
from pathlib import Path

import torch
from torch import nn

from jptransfer.errors import ConfigError, DataError
from jptransfer.hub import HUB, split_reference

# Weights as safetensors, settings and vocabularies; whatever could run code when it is read stays behind.
ALLOWED = ("*.safetensors", "*.safetensors.index.json", "*.json", "*.txt", "*.model", "*.vocab")


def fetch(reference: str) -> tuple[Path, str]:
    """Return the local folder of ``hf:org/name@revision`` or of a folder, and what it is exactly.

    The exact name is ``hf:org/name@<commit>`` for a hub model and the folder's path for a folder.

    Raises:
        ConfigError: no such folder or hub model.
    """
    if not reference.startswith(HUB):
        folder = Path(reference)
        if not folder.is_dir():
            raise ConfigError(f"there is no folder '{reference}' (models of the hub are written hf:org/name@revision)")
        return folder, str(folder)
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError

    name, revision = split_reference(reference)
    try:
        folder = Path(snapshot_download(name, revision=revision, allow_patterns=list(ALLOWED)))
    except (HfHubHTTPError, HFValidationError, LocalEntryNotFoundError) as error:
        raise ConfigError(f"can't fetch {reference}: {str(error).splitlines()[0]}") from error
    # The hub's cache names a snapshot by its commit.
    return folder, f"{HUB}{name}@{folder.name}"


def load_language_model(folder: Path) -> nn.Module:
    """Load a masked language model in float32, with whatever pre-training heads its files speak of.

    Raises:
        DataError: the folder holds no encoder that transformers can load from safetensors.
    """
    from transformers import AutoModelForMaskedLM, AutoModelForPreTraining

    quiet()
    settings = _settings(folder)
    # A next-sentence head is worth loading only where it was trained.
    paired = "BertForPreTraining" in (settings.get("architectures") or [])
    kind = AutoModelForPreTraining if paired else AutoModelForMaskedLM
    try:
        return kind.from_pretrained(folder, dtype=torch.float32, use_safetensors=True, trust_remote_code=False)
    except (OSError, ValueError, KeyError) as error:
        raise DataError(f"{folder}: no masked language model ({str(error).splitlines()[0]})") from error


def save_language_model(model: nn.Module, folder: Path) -> None:
    """Write ``config.json`` and ``model.safetensors`` as transformers reads them."""
    quiet()
    on_cpu(model).save_pretrained(folder)  # type: ignore[operator]


def on_cpu(model: nn.Module) -> nn.Module:
    """Move a model to the CPU, where safetensors can read its weights (those of an XLA device it cannot)."""
    model.to("cpu")
    # Moving from XLA makes new parameters, so shared ones are no longer shared.
    if hasattr(model, "tie_weights"):
        model.tie_weights()  # type: ignore[operator]
    return model


def quiet() -> None:
    """Keep transformers' own bars and notes off the terminal: progress is shown by the runtime."""
    from transformers.utils import logging

    logging.set_verbosity_error()
    logging.disable_progress_bar()


def _settings(folder: Path) -> dict:
    path = folder / "config.json"
    if not path.is_file():
        raise DataError(f"{folder} holds no language model: there is no config.json")
    return json.loads(path.read_text("utf-8"))
