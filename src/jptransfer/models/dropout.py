"""Set the dropouts of an encoder's configuration, independent of the field names of its family."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from transformers import PreTrainedConfig

from jptransfer.errors import ConfigError, unknown


def set_dropouts(config: PreTrainedConfig, values: Mapping[str, float], factor: float) -> None:
    """Change the dropouts of `config` in place: set those in `values`, then multiply all by `factor`, at most to 1.

    Raises:
        ConfigError: a name in `values` is not a dropout of the configuration.
    """
    settings: Any = config
    names = [name for name, value in config.to_dict().items() if "drop" in name and type(value) in (int, float)]
    for name, value in values.items():
        if name not in names:
            raise ConfigError(f"finetuning.encoder.dropouts: {unknown('dropout', name, names)}")
        setattr(settings, name, value)
    for name in names:
        setattr(settings, name, min(1.0, getattr(settings, name) * factor))
