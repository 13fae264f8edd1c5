"""Dropouts of an encoder, whatever its family calls them: numbers of its configuration."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from transformers import PreTrainedConfig

from jptransfer.errors import ConfigError, unknown


def set_dropouts(config: PreTrainedConfig, values: Mapping[str, float], factor: float) -> None:
    """Change the dropouts of `config` in place: give those in `values`, then multiply all by `factor`, to at most 1.

    Raises:
        ConfigError: the configuration has no dropout of a name in `values`.
    """
    settings: Any = config
    names = [name for name, value in config.to_dict().items() if "drop" in name and type(value) in (int, float)]
    for name, value in values.items():
        if name not in names:
            raise ConfigError(f"finetuning.encoder.dropouts: {unknown('dropout', name, names)}")
        setattr(settings, name, value)
    for name in names:
        setattr(settings, name, min(1.0, getattr(settings, name) * factor))
