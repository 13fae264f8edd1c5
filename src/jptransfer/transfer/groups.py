"""Layer groups: an ordered name -> parameters of a model, from the input to the head.

Freezing, discriminative learning rates (Howard and Ruder 2018, section 3.2), gradual unfreezing (section 3.3) and
copying between models use these names. An encoder of this project names its groups by a method
``parameter_group(parameter_name) -> str``. For encoders of transformers the names come from the parameter names:
``embeddings``, ``layer.0`` ... ``layer.<n-1>``, ``pooler``. Everything above the encoder is ``head``.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any, TypeVar

from jptransfer.errors import ConfigError, unknown

if TYPE_CHECKING:
    from torch import Tensor, nn

HEAD = "head"
DENSE = "dense"
"""Name of the output layer in Johnson et al. (2019, section 3.3)."""
ENCODER = "encoder"
Groups = Mapping[str, Mapping[str, "nn.Parameter"]]
Weight = TypeVar("Weight", bound="Tensor")

_LAYER = re.compile(r"\.(\d+)\.")
_RANGE = re.compile(r"(.+\.)(\d{1,9})-(\d{1,9})")
_LAST = re.compile(r"last ([1-9]\d{0,8})")


def layer_groups(model: nn.Module) -> Groups:
    """Return the layer groups of `model`: name -> (parameter name -> parameter), lowest group first.

    Every parameter is in exactly one group. Tied parameters count once, where they appear first. Groups of this
    project's encoders are in the order of their parameters.
    """
    return _grouped(model, model.named_parameters())


def weight_groups(model: nn.Module) -> dict[str, dict[str, Tensor]]:
    """Return the layer groups of the state dict's floating-point entries, frozen ones included, tied ones once."""
    distinct: dict[Any, tuple[str, Tensor]] = {}
    for name, value in model.state_dict().items():
        if value.is_floating_point():
            distinct.setdefault((value.data_ptr(), value.shape) if value.numel() else name, (name, value))
    return _grouped(model, distinct.values())


def encoder_prefix(model: nn.Module) -> str:
    """Return the prefix of the encoder's parameter names in `model` (``bert.``); empty if `model` is an encoder."""
    base = getattr(model, "base_model", model)
    return next((f"{name}." for name, module in model.named_modules() if module is base and name), "")


def _grouped(model: nn.Module, weights: Iterable[tuple[str, Weight]]) -> dict[str, dict[str, Weight]]:
    base, prefix = getattr(model, "base_model", model), encoder_prefix(model)
    own = getattr(base, "parameter_group", None)
    name_of = own if callable(own) else _transformers_naming(base)
    groups: dict[str, dict[str, Weight]] = {}
    for name, weight in weights:
        group = name_of(name.removeprefix(prefix)) if name.startswith(prefix) else HEAD
        groups.setdefault(group, {})[name] = weight
    return dict(sorted(groups.items(), key=_top if callable(own) else _depth))


def select(groups: Mapping[str, Any], patterns: Iterable[str], setting: str = "groups") -> list[str]:
    """Return the names of `groups` that match `patterns`, in the order of the groups.

    A pattern is a group's name, a range of layers ("layer.0-3"), a wildcard ("layer.*"), "encoder" (all but the head),
    "last 2" (the topmost two; the head is the last one), or "dense" (another name of the head). `setting` is the
    setting that messages name.

    Raises:
        ConfigError: a pattern matches nothing.
    """
    chosen: set[str] = set()
    for pattern in patterns:
        chosen.update(_matching(groups, pattern, setting))
    return [name for name in groups if name in chosen]


def check_patterns(patterns: Iterable[str], known: Sequence[str], setting: str = "groups") -> None:
    """Check patterns of `select` before a model exists, when the number of layers is unknown.

    Args:
        patterns: the patterns.
        known: layer groups that the encoder can have, by name or wildcard (``layer.*``).
        setting: the setting that messages name.

    Raises:
        ConfigError: a pattern matches neither these groups nor the head.
    """
    for pattern in patterns:
        meant = any(fnmatchcase(pattern, name) or fnmatchcase(name, pattern) for name in (*known, HEAD))
        if not meant and pattern not in (ENCODER, DENSE) and not _LAST.fullmatch(pattern):
            raise _no_group(pattern, [*known, HEAD], setting)


def freeze(groups: Groups, patterns: Iterable[str], setting: str = "freeze") -> list[str]:
    """Freeze the groups that match `patterns`, unfreeze all others, and return the frozen names."""
    frozen = select(groups, patterns, setting)
    for name, parameters in groups.items():
        for parameter in parameters.values():
            parameter.requires_grad_(name not in frozen)
    return frozen


def rate_factors(groups: Groups, decay: float = 1.0, head: float = 1.0, from_head: bool = False) -> dict[str, float]:
    """Return group -> learning-rate multiplier.

    The topmost group below the head has 1 (or `decay` with `from_head`), each lower group `decay` times the multiplier
    of the group above it, and the head has `head`.
    """
    body = [name for name in groups if name != HEAD]
    factors = {name: decay ** (len(body) - depth - (not from_head)) for depth, name in enumerate(body)}
    return {name: factors.get(name, head) for name in groups}


def _matching(groups: Mapping[str, Any], pattern: str, setting: str) -> Sequence[str]:
    if pattern == ENCODER:
        return [name for name in groups if name != HEAD]
    if pattern == DENSE and HEAD in groups:
        return [HEAD]
    if found := _LAST.fullmatch(pattern):
        return list(groups)[-int(found[1]):]
    names = [pattern]
    if found := _RANGE.fullmatch(pattern):
        stem, first, last = found[1], int(found[2]), int(found[3])
        names = [f"{stem}{number}" for number in range(first, min(last, first + len(groups)) + 1)]
        if not names:
            raise ConfigError(f"{setting}: the range of layer groups '{pattern}' is empty")
    matches = [[group for group in groups if fnmatchcase(group, name)] for name in names]
    for name, match in zip(names, matches, strict=True):
        if not match:
            raise _no_group(name, groups, setting)
    return [group for match in matches for group in match]


def _no_group(name: str, groups: Iterable[str], setting: str) -> ConfigError:
    names = [*groups, ENCODER]
    return ConfigError(f"{setting}: {unknown('layer group', name, [*names, DENSE] if HEAD in names else names)}")


def _transformers_naming(encoder: nn.Module) -> Callable[[str], str]:
    """Return the function that names the group of a parameter of an encoder of transformers."""
    names = [name for name, _ in encoder.named_parameters()]
    depth = 1 + max((int(found[1]) for name in names if (found := _LAYER.search(name))), default=0)

    def group(name: str) -> str:
        if found := _LAYER.search(name):
            return f"layer.{found[1]}"
        if "embed" in name:
            return "embeddings"
        return "pooler" if "pooler" in name else f"layer.{depth - 1}"

    return group


def _depth(item: tuple[str, Any]) -> tuple[int, int]:
    kind, _, number = item[0].partition(".")
    return ("embeddings", "layer", "pooler", HEAD).index(kind), int(number or 0)


def _top(item: tuple[str, Any]) -> bool:
    return item[0] == HEAD
