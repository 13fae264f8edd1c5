"""Layer groups: an ordered name -> parameters of a model, from the input to the head.

Freezing and discriminative learning rates (Howard and Ruder 2018, section 3.2) speak of these names, and so may gradual
unfreezing (section 3.3) and copying parts between models. A model may name its own groups by a method
``parameter_group(parameter_name) -> str``; for encoders of transformers they are found from parameter names:
``embeddings``, ``layer.0`` ... ``layer.<n-1>``, ``pooler``, ``head``.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

from jptransfer.errors import ConfigError, unknown

if TYPE_CHECKING:
    from torch import nn

HEAD = "head"
ENCODER = "encoder"
Groups = Mapping[str, Mapping[str, "nn.Parameter"]]

_LAYER = re.compile(r"\.(\d+)\.")
_RANGE = re.compile(r"(.+\.)(\d+)-(\d+)")


def layer_groups(model: nn.Module) -> Groups:
    """Return the layer groups of `model`: name -> (parameter name -> parameter), lowest group first.

    Every parameter is in exactly one group; tied parameters count once, where they appear first.
    """
    own = getattr(model, "parameter_group", None)
    name_of = own if callable(own) else _encoder_naming(model)
    groups: dict[str, dict[str, nn.Parameter]] = {}
    for name, parameter in model.named_parameters():
        groups.setdefault(name_of(name), {})[name] = parameter
    return groups if callable(own) else dict(sorted(groups.items(), key=_depth))


def select(groups: Groups, patterns: Iterable[str]) -> list[str]:
    """Return the names of `groups` that `patterns` mean, in the order of the groups.

    A pattern is a group's name, a range of layers ("layer.0-3"), a wildcard ("layer.*"), or "encoder", all but head.

    Raises:
        ConfigError: a pattern means no group.
    """
    chosen: set[str] = set()
    for pattern in patterns:
        chosen.update(_matching(groups, pattern))
    return [name for name in groups if name in chosen]


def freeze(groups: Groups, patterns: Iterable[str]) -> list[str]:
    """Let the groups that `patterns` mean stay as they are and all others learn; return the frozen names."""
    frozen = select(groups, patterns)
    for name, parameters in groups.items():
        for parameter in parameters.values():
            parameter.requires_grad_(name not in frozen)
    return frozen


def rate_factors(groups: Groups, decay: float = 1.0, head: float = 1.0) -> dict[str, float]:
    """Return what each group's learning rate is multiplied by.

    The topmost group below the head has 1, each lower one `decay` times the one above; the head has `head`.
    """
    body = [name for name in groups if name != HEAD]
    factors = {name: decay ** (len(body) - 1 - depth) for depth, name in enumerate(body)}
    return {name: factors.get(name, head) for name in groups}


def _matching(groups: Groups, pattern: str) -> Sequence[str]:
    if pattern == ENCODER:
        return [name for name in groups if name != HEAD]
    names = [pattern]
    if found := _RANGE.fullmatch(pattern):
        stem, first, last = found[1], int(found[2]), int(found[3])
        names = [f"{stem}{number}" for number in range(first, last + 1)]
        if not names:
            raise ConfigError(f"the range of layer groups '{pattern}' is empty")
    matches = [[group for group in groups if fnmatchcase(group, name)] for name in names]
    for name, match in zip(names, matches, strict=True):
        if not match:
            raise ConfigError(unknown("layer group", name, [*groups, ENCODER]))
    return [group for match in matches for group in match]


def _encoder_naming(model: nn.Module) -> Callable[[str], str]:
    """Return the function that names the group of a parameter of an encoder of transformers, head or none on top."""
    base = getattr(model, "base_model", model)
    prefix = next((f"{name}." for name, module in model.named_modules() if module is base and name), "")
    depth = 1 + max((int(found[1]) for name, _ in base.named_parameters() if (found := _LAYER.search(name))), default=0)

    def group(name: str) -> str:
        if not name.startswith(prefix):
            return HEAD
        inner = name[len(prefix):]
        if found := _LAYER.search(inner):
            return f"layer.{found[1]}"
        if "embed" in inner:
            return "embeddings"
        return "pooler" if "pooler" in inner else f"layer.{depth - 1}"

    return group


def _depth(item: tuple[str, Any]) -> tuple[int, int]:
    kind, _, number = item[0].partition(".")
    return ("embeddings", "layer", "pooler", HEAD).index(kind), int(number or 0)
