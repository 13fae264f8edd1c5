"""Search spaces: Hydra's sweep syntax as Optuna distributions, and suggested values as overrides again."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

from hydra.core.config_loader import ConfigLoader
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import IntervalSweep, Override, RangeSweep, Transformer
from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)

from jptransfer.errors import ConfigError


def read_space(overrides: list[str],
               loader: ConfigLoader | None = None) -> tuple[list[str], dict[str, BaseDistribution]]:
    """Return the overrides with a single value, and the search space of the others.

    Where a setting is given twice, the later override counts.

    Args:
        loader: what ``glob(..)`` lists the choices of groups with.

    Raises:
        ConfigError: no override has several values, or one is not a search space.
    """
    parsed = OverridesParser.create(config_loader=loader).parse_overrides(overrides)
    last = {one.get_key_element(): one for one in parsed}
    space = {key: distribution(one) for key, one in last.items() if one.is_sweep_override()}
    if not space:
        raise ConfigError("nothing to search: give at least one setting as choice(..), range(..) or interval(..)")
    return [str(one.input_line) for one in last.values() if not one.is_sweep_override()], space


def distribution(override: Override) -> BaseDistribution:
    """Return what an override with several values means.

    ``a,b``, ``choice(..)`` and ``glob(..)`` are categories, ``range(..)`` is discrete, ``interval(a,b)`` continuous;
    ``int(interval(..))``, or the tag ``int``, is one of whole numbers, the tag ``log`` makes it logarithmic.

    Raises:
        ConfigError: an interval that is empty, or logarithmic and not positive.
    """
    value = override.value()
    try:
        if isinstance(value, IntervalSweep):
            return _interval(value)
        if isinstance(value, RangeSweep) and not value.shuffle:
            return _range(value)
        return CategoricalDistribution(list(override.sweep_iterator(transformer=Transformer.encode)))
    except ValueError as error:
        raise ConfigError(f"{override.input_line}: {error}") from error


def _interval(sweep: IntervalSweep) -> BaseDistribution:
    log = "log" in sweep.tags
    if "int" in sweep.tags or isinstance(sweep.start, int):
        return IntDistribution(int(sweep.start or 0), int(sweep.end or 0), log=log)
    return FloatDistribution(float(sweep.start or 0), float(sweep.end or 0), log=log)


def _range(sweep: RangeSweep) -> BaseDistribution:
    steps = list(sweep.range())
    if all(isinstance(step, int) for step in steps):
        return IntDistribution(steps[0], steps[-1], step=int(sweep.step), log="log" in sweep.tags)
    return FloatDistribution(float(steps[0]), float(steps[-1]), step=float(sweep.step))


def grid(space: dict[str, BaseDistribution]) -> list[dict[str, Any]]:
    """Return every point of a search space, the last setting varying fastest.

    Raises:
        ConfigError: a continuous setting.
    """
    values = [_values(key, one) for key, one in space.items()]
    return [dict(zip(space, point, strict=True)) for point in itertools.product(*values)]


def categories(space: dict[str, BaseDistribution]) -> Iterator[list[str]]:
    """Yield the overrides of every combination of categories, with the lowest values of numbers."""
    values = [one.choices if isinstance(one, CategoricalDistribution) else [one.low]  # type: ignore[attr-defined]
              for one in space.values()]
    for point in itertools.product(*values):
        yield [f"{key}={value}" for key, value in zip(space, point, strict=True)]


def _values(key: str, one: BaseDistribution) -> list[Any]:
    if isinstance(one, CategoricalDistribution):
        return list(one.choices)
    if isinstance(one, IntDistribution) and not one.log:
        return list(range(one.low, one.high + 1, one.step))
    if isinstance(one, FloatDistribution) and one.step:
        return [one.low + index * one.step for index in range(round((one.high - one.low) / one.step) + 1)]
    raise ConfigError(f"{key} is continuous; the grid sampler takes lists and ranges only")
