"""Splits where the files have none: seeded, by hash of what must stay together, with the labels' shares kept."""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict, deque
from collections.abc import Mapping, Sequence
from typing import Any

from jptransfer.errors import DataError
from jptransfer.text.normalize import copy_key


def divide(examples: Sequence[Any], shares: Mapping[str, float], rest: str, groups: Mapping[str, str], *,
           stratify: bool, seed: int) -> dict[str, list[Any]]:
    """Divide examples into the splits of `shares` (split -> share) and `rest`, each in the given order.

    Examples of one group stay together; where `groups` (by id) says nothing, copies are a group (see `copy_key`).
    Groups of a stratum are taken in the order of a seeded hash, so the outcome depends on no order of the input. A
    split has its exact share of singleton groups.

    Raises:
        DataError: a split would be empty.
    """
    members: dict[str, list[int]] = defaultdict(list)
    for index, example in enumerate(examples):
        members[groups.get(example.id) or copy_key(example.text)].append(index)
    strata: dict[str, deque[str]] = defaultdict(deque)
    for group in sorted(members, key=lambda group: _rank(seed, group)):
        strata[_stratum([examples[index] for index in members[group]]) if stratify else ""].append(group)

    assigned = [rest] * len(examples)
    sizes = {stratum: sum(len(members[group]) for group in strata[stratum]) for stratum in sorted(strata)}
    for split, share in shares.items():
        for stratum, quota in allocate(sizes, share).items():
            _take(strata[stratum], quota, members, assigned, split)
    parts = {split: [examples[i] for i, name in enumerate(assigned) if name == split] for split in (rest, *shares)}
    for split, part in parts.items():
        if not part:
            different = "" if len(members) == len(examples) else f", {len(members)} of them different"
            raise DataError(f"too few examples ({len(examples)}{different}) to make the split '{split}': "
                            f"give it a file, or set task.validation_fraction and task.test_fraction")
    return parts


def _rank(seed: int, group: str) -> bytes:
    return hashlib.sha256(f"{seed}\0{group}".encode("utf-8", "surrogatepass")).digest()


def _stratum(examples: Sequence[Any]) -> str:
    """The most frequent stratum of a group, of equals the first in order."""
    counts = Counter(example.stratum for example in examples)
    return min(counts, key=lambda stratum: (-counts[stratum], stratum))


def allocate(sizes: Mapping[str, int], share: float) -> dict[str, int]:
    """Distribute `share` of all (at least 1) over strata by largest remainder."""
    total = max(1, round(sum(sizes.values()) * share))
    quotas = {stratum: int(size * share) for stratum, size in sizes.items()}
    remainders = sorted(sizes, key=lambda stratum: (quotas[stratum] - sizes[stratum] * share, stratum))
    for stratum in remainders[:total - sum(quotas.values())]:
        quotas[stratum] += 1
    return quotas


def _take(waiting: deque[str], quota: int, members: Mapping[str, list[int]], assigned: list[str], split: str) -> None:
    """Move whole groups from the front of `waiting` into `split` until it has `quota` examples."""
    taken = 0
    while waiting and taken < quota:
        group = waiting.popleft()
        taken += len(members[group])
        for index in members[group]:
            assigned[index] = split
