"""From what a reader found to a data set: counts checked, labels renamed, splits made, statistics taken."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from jptransfer.config import OnError, TaskConfig, WordSource
from jptransfer.config.task import POOL, SPLITS, RolesConfig, split_name
from jptransfer.corpora.error_policy import LOUD, UnreadableError
from jptransfer.datasets.base import RawDataset
from jptransfer.datasets.splits import divide
from jptransfer.errors import ConfigError, DataError, JptError, nearest, unknown
from jptransfer.registry import DATASETS
from jptransfer.tasks.abilities import Labelled, Tokenized
from jptransfer.tasks.base import Task, load_kind
from jptransfer.text.normalize import copy_key

NUMBER = re.compile(r"-?\d+(\.\d+)?", re.ASCII)


@dataclass(frozen=True)
class PreparedDataset:
    """A data set ready to be stored: its task over the final labels, examples by split, statistics for people.

    `roles` names the split that each role has.
    """

    task: Task
    splits: dict[str, list[Any]]
    roles: RolesConfig
    statistics: dict[str, Any]


def prepare(config: TaskConfig) -> PreparedDataset:
    """Read a data set and make it ready, as the configuration says.

    Raises:
        ConfigError, DataError: one line that says what to change.
    """
    if not config.dataset:
        raise ConfigError("task.dataset: no data set is chosen (task=...; see `jpt ls datasets`)")
    kind = load_kind(config.kind)
    data = _read(config)
    aliases = config.roles.aliases(data.splits)
    data.splits = {aliases.get(split, split): examples for split, examples in data.splits.items()}
    read = {split: len(examples) for split, examples in data.splits.items()}
    check_expected(config, read)
    check_kind(config, kind, data)
    counts = Counter(data.counts)
    relabel(kind, config, data, counts)
    segment(kind, config, data)
    labels = list(config.labels) or discover(kind, data.splits.get(POOL) or data.splits.get(config.roles.fit, []))
    splits = complete(config, data)
    roles = config.roles.resolved(splits)
    _check_roles(roles, splits)
    _check_sizes(kind, config, splits, labels)
    splits = {split: _known(kind, config, split, examples, labels, counts) for split, examples in splits.items()}
    _check_sizes(kind, config, splits, labels)
    check_ids(splits)
    statistics = {
        "read": read,
        "splits": {split: kind.statistics(examples) for split, examples in splits.items()},
        "made_splits": [split for split in splits if split not in read],
        "left_out": {reason: count for reason, count in sorted(counts.items()) if count},
        "duplicates": duplicates(splits),
    }
    return PreparedDataset(kind(labels), splits, roles, statistics)


def _check_roles(roles: RolesConfig, splits: Collection[str]) -> None:
    """Raise `ConfigError` for a role that was given to a split that there is not; only the defaults may be missing."""
    for role in ("select", "search", "final"):
        split = getattr(roles, role)
        if split and split not in (*splits, "validation", "test"):
            raise ConfigError(f"task.roles.{role}: {unknown('split', split, splits)}")


def _read(config: TaskConfig) -> RawDataset:
    """Return the examples of the files; an error tells what skipping would lose."""
    try:
        return DATASETS.load(config.dataset)(config)
    except UnreadableError as error:
        try:
            rest: RawDataset = DATASETS.load(config.dataset)(replace(config, on_error=OnError.skip))
        except JptError:
            raise error.offering("task.on_error", 0, 1) from error
        raise error.offering("task.on_error", sum(map(len, rest.splits.values())), sum(rest.counts.values())) from error


def check_expected(config: TaskConfig, read: dict[str, int]) -> None:
    """Raise `DataError` unless the files gave as many examples as the configuration expects."""
    for name, count in config.expected.items():
        split = POOL if name == POOL else split_name(name, config.roles.named)
        if split is None:
            raise ConfigError(f"task.expected: '{name}' is no split{nearest(name, (*SPLITS, POOL))}")
        split = split if split in read else config.roles.aliases(read).get(split, split)
        found = read.get(split, sum(read.values()) if split == POOL else 0)
        if found != count:
            raise DataError(f"{config.dataset}: '{split}' has {found} examples instead of {count}; "
                            f"are the files complete and unchanged? (task.expected.{name})")


def check_kind(config: TaskConfig, kind: type[Task], data: RawDataset) -> None:
    """Raise `ConfigError` where the reader gives other examples than the task takes."""
    for example in (example for examples in data.splits.values() for example in examples[:1]):
        if not isinstance(example, kind.example_type):
            raise ConfigError(f"task.kind: data set '{config.dataset}' has no examples for kind '{config.kind}'")


def relabel(kind: type[Task], config: TaskConfig, data: RawDataset, counts: Counter[str]) -> None:
    """Apply `label_map` to the examples of `data`, in place; what a name's emptiness drops is counted.

    Raises:
        ConfigError: a label to rename is nowhere in the data. Where the labels it should have are named, part of it may
            lack a rare one, unless another label there looks like it.
    """
    present = {label for examples in data.splits.values() for example in examples for label in kind.labels_of(example)}
    likely = present - {*config.labels, *config.label_map} if config.labels else present
    for label in sorted(config.label_map.keys() - present):
        hint = nearest(label, likely)
        if hint or not config.labels:
            raise ConfigError(f"task.label_map: no example has the label '{label}'{hint}")
    if not config.label_map:
        return
    for split, examples in data.splits.items():
        for example in examples:
            counts.update(f"label {label}" for label in kind.labels_of(example) if config.label_map.get(label) == "")
        assert issubclass(kind, Labelled)
        renamed = (kind.relabel(example, config.label_map, config.dropped_entities) for example in examples)
        data.splits[split] = [example for example in renamed if example is not None]


def segment(kind: type[Task], config: TaskConfig, data: RawDataset) -> None:
    """Forget the files' own words, in place, where the configuration asks for the tokenizer's units.

    Raises:
        ConfigError: the examples are no tagged texts.
    """
    if config.word_source is WordSource.gold:
        return
    if not issubclass(kind, Tokenized):
        raise ConfigError("task.word_source is for tagged texts (task.kind=ner)")
    data.splits = {split: list(map(kind.without_tokens, examples)) for split, examples in data.splits.items()}


def complete(config: TaskConfig, data: RawDataset) -> dict[str, list[Any]]:
    """Return all splits, the usual ones first; those that roles name and the files lack are made.

    They are made of the undivided examples or of the split of `roles.fit`. A share of 0 leaves such a split out.
    """
    given, fit = dict(data.splits), config.roles.fit
    source = given.pop(POOL, None) or given.pop(fit, [])
    missing = config.made_splits(given)
    if sum(missing.values()) >= 1:
        raise ConfigError("task.validation_fraction and task.test_fraction leave nothing to train on")
    parts = {fit: source}
    if missing and source:
        parts = divide(source, missing, fit, data.groups, stratify=config.stratify, seed=config.seed)
    found = given | parts
    order = [fit, *(split for split in SPLITS if split != fit), *sorted(found.keys() - {*SPLITS, fit})]
    return {split: found[split] for split in order if split in found}


def discover(kind: type[Task], examples: Sequence[Any]) -> list[str]:
    """Return the labels of examples in order: as numbers if all of them are numbers, else as text."""
    labels = sorted({label for example in examples for label in kind.labels_of(example)})
    return sorted(labels, key=float) if all(NUMBER.fullmatch(label) for label in labels) else labels


def _known(kind: type[Task], config: TaskConfig, split: str, examples: list[Any], labels: list[str],
           counts: Counter[str]) -> list[Any]:
    """The examples whose labels are all known; others are an error, or skipped and counted."""
    kept, known = [], set(labels)
    for example in examples:
        strange = next((label for label in kind.labels_of(example) if label not in known), None)
        if strange is None:
            kept.append(example)
        elif config.on_error is OnError.stop:
            where = "task.labels" if config.labels else "the training split"
            raise DataError(f"{split}: example '{example.id}' has the label '{strange}', which {where} does not have"
                            f"{nearest(strange, labels)}; it has: {', '.join(labels)} (task.label_map can rename it)")
        else:
            counts[f"unknown label {strange}"] += 1
    return kept


def _check_sizes(kind: type[Task], config: TaskConfig, splits: dict[str, list[Any]], labels: list[str]) -> None:
    for split, examples in splits.items():
        if not examples:
            raise DataError(f"the split '{split}' has no examples")
    if len(labels) < kind.fewest_labels:
        where = "task.labels" if config.labels else "the training split"
        raise DataError(f"{where} has too few labels to learn: {', '.join(labels) or 'none'}")


def check_ids(splits: dict[str, list[Any]]) -> None:
    """Raise `DataError` if two examples share an id."""
    ids = Counter(example.id for examples in splits.values() for example in examples)
    repeated = [id for id, count in ids.items() if count > 1]
    if repeated:
        raise DataError(f"{len(repeated)} ids stand for more than one example, for example '{repeated[0]}'")


def duplicates(splits: dict[str, list[Any]]) -> dict[str, int]:
    """Return, for each pair of splits, how many examples of the second are copies of one of the first (`copy_key`)."""
    keys = {split: [(copy_key(example.text), copy_key(example.text_pair or "")) for example in examples]
            for split, examples in splits.items()}
    known = {split: set(found) for split, found in keys.items()}
    pairs = [(a, b) for number, a in enumerate(splits) for b in list(splits)[number + 1:]]
    return {f"{a}/{b}": sum(key in known[a] for key in keys[b]) for a, b in pairs}


def warnings(statistics: Mapping[str, Any], fit: str = "train") -> Iterator[str]:
    """Yield a line for each loss of more than `LOUD` and for each split with copies in the training split `fit`."""
    read = sum(statistics["read"].values())
    labels = sum(sum(split["labels"].values()) for split in statistics["splits"].values())
    for reason, count in statistics["left_out"].items():
        if count > LOUD * min(read, labels or read):
            yield f"{count:,} {reason} left out of {read:,} examples read"
    for pair, count in statistics["duplicates"].items():
        source, split = pair.split("/")
        size = statistics["splits"][split]["examples"]
        if source == fit and count:
            yield (f"{count:,} of {size:,} texts of the {split} split have copies in the training split "
                   "(equal after NFKC and in white space)")
