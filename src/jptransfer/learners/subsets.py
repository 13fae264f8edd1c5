"""Low-shot training: which examples of a training split a run may see."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from hashlib import sha256
from typing import Any

from jptransfer.config import SubsetConfig
from jptransfer.errors import ConfigError


def take(examples: Sequence[Any], config: SubsetConfig) -> list[Any]:
    """Return what `config` leaves of a training split (see `choose`), in order."""
    kept = choose([example.id for example in examples], [example.stratum for example in examples], config)
    return [examples[index] for index in kept]


def choose(ids: Sequence[str], labels: Sequence[str] | None, config: SubsetConfig) -> list[int]:
    """Return the positions, ascending, of the examples that `config` leaves of a split; all of them by default.

    The choice depends on ids, labels and seed alone, not on the order of the split, and is nested: with the same seed
    a larger subset contains every smaller one. Stratified subsets keep the labels' shares to within one example.

    Args:
        ids: unique ids of the examples.
        labels: their labels, or None where examples have no single label (then nothing is stratified).
        config: size, seed and whether to stratify.

    Raises:
        ConfigError: both `n` and `fraction` are given, or `n` is more than there is.
    """
    size = _size(len(ids), config)
    order = sorted(range(len(ids)), key=lambda index: _lot(ids[index], config.seed or 0))
    if labels is not None and config.stratify:
        order = _interleave(order, labels)
    return sorted(order[:size])


def _size(total: int, config: SubsetConfig) -> int:
    if problem := config.validate():
        raise ConfigError(f"finetuning.subset{problem}")
    if config.n is not None and config.n > total:
        raise ConfigError(f"finetuning.subset.n is {config.n}, but the training split has {total} examples")
    if config.fraction is not None:
        return min(total, max(1, round(config.fraction * total)))
    return total if config.n is None else config.n


def _lot(name: str, seed: int) -> bytes:
    return sha256(f"{seed}\0{name}".encode()).digest()


def _interleave(order: list[int], labels: Sequence[str]) -> list[int]:
    """Reorder so that every prefix has each label's share: the k-th of a label's n examples stands at (k + 1/2) / n."""
    sizes, seen = Counter(labels), Counter[str]()
    place = {}
    for index in order:
        label = labels[index]
        place[index] = (seen[label] + 0.5) / sizes[label]
        seen[label] += 1
    return sorted(order, key=place.__getitem__)
