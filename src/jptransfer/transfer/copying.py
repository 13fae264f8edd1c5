"""Initialise layer groups of a task model from another task model (Johnson et al. 2019, section 3.3).

Weights with a row per token (embeddings) are matched by the tokens' text. Weights with a row per output (the dense
layer, the transitions of a CRF) are matched by tag or class name. All other weights must have equal shapes. A token's
row is copied if both models have seen the token in training: the source has it in its vocabulary (a tagger's
vocabulary comes from its training texts), and the target has it in its training texts. Special tokens are matched by
their role and always count as seen. All other rows keep their initial values.

A tagger's dense layer can be copied to a tagger with a CRF and back. The transitions, which only one of the two has,
then keep their initial values or are left out. All other groups must have the same weights in both models.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from transformers import PreTrainedConfig

from jptransfer.errors import ConfigError, unknown
from jptransfer.models.encoder import encoder_of
from jptransfer.models.task_models import HeadedEncoder
from jptransfer.tasks.base import Level, Task
from jptransfer.text.types import Tokenizer
from jptransfer.transfer.groups import HEAD, encoder_prefix, select, weight_groups
from jptransfer.transfer.vocabulary import align, check_characters, grown, resized, special_ids

Make = Callable[[PreTrainedConfig, Sequence[str]], nn.Module]
"""Builds a model like the target from an encoder configuration and output names."""
ANOTHER = "B-"
"""Name of an additional output."""
CHAIN = ("transitions", "starts", "ends")
"""Weights that a CRF has in addition to the dense layer."""


@dataclass(frozen=True)
class TaskNet:
    """A task model, the tokenizer it reads with, and its task."""

    model: nn.Module
    tokenizer: Tokenizer
    task: Task

    @property
    def outputs(self) -> Sequence[str]:
        """Names of the outputs, in order."""
        return self.task.outputs

    @property
    def encoder(self) -> Any:
        """The encoder inside the model."""
        return encoder_of(self.model)

    def local(self, name: str) -> str:
        """Return a weight's name without the prefix of the encoder (``bert.``)."""
        return name.removeprefix(encoder_prefix(self.model))

    def place(self, name: str) -> str:
        """Return the name under which weights of two models are compared, the same with and without a head class."""
        plain = self.task.output.level is Level.token and not isinstance(self.model, HeadedEncoder)
        return f"{HEAD}.{name}" if plain and self.local(name) == name else self.local(name)

    def unit_ids(self, group: str, name: str, rows: int, grows: bool) -> range | None:
        """Return the token ids of a weight's rows in order, None if its rows are not tokens.

        Args:
            group, name: layer group and local name of the weight.
            rows: number of rows; may exceed the vocabulary size.
            grows: whether a larger vocabulary adds rows; not used if the encoder has a method `unit_rows`.
        """
        own = getattr(self.encoder, "unit_rows", None)
        if own and group != HEAD:
            return own(name)  # type: ignore[no-any-return]
        return range(min(rows, self.tokenizer.vocab_size)) if grows else None


@dataclass(frozen=True)
class Match:
    """Indices of an axis that are copied.

    Attributes:
        to, origin: int64 (n,), indices in the target and in the source.
        length: size of the axis in the source.
        stats: further numbers for the summary.
    """

    to: Tensor
    origin: Tensor
    length: int
    stats: Mapping[str, float] = field(default_factory=dict)


def copy_groups(source: TaskNet, target: TaskNet, patterns: Sequence[str], counts: np.ndarray,
                make: Make) -> dict[str, Any]:
    """Copy the layer groups selected by `patterns` (see `groups.select`) and return statistics.

    Args:
        source, target: the models; the weights of `target` are changed in place.
        patterns: layer groups by name or wildcard.
        counts: (vocabulary,) occurrences of each token in the target's training texts.
        make: used on the meta device to find the axes that grow with the vocabulary or the outputs.

    Returns:
        `groups`: group -> weight -> rows, copied, fresh, and for token rows `tokens_covered`, the share of the
        target's training tokens (without special tokens) whose row was copied. `outputs`: output names of both models
        (`shared`) and of the target alone (`fresh`). `left`: weights of these groups that only the source has.

    Raises:
        ConfigError: unknown group, a group or weight missing in the source, or shapes that do not fit.
    """
    ours, theirs = weight_groups(target.model), weight_groups(source.model)
    chosen = select(ours, patterns, "transfer.groups")
    if HEAD in chosen and type(source.task) is not type(target.task):
        raise ConfigError(f"transfer.groups: the source was made for {source.task.kind}, and this task is "
                          f"{target.task.kind}: take groups of the encoder, without the head")
    rows, groups, left = _Rows(source, target, counts, make), {}, []
    for group in chosen:
        if group not in theirs:
            raise ConfigError(f"transfer.groups: of the source: {unknown('layer group', group, theirs)}")
        pairs, behind = _pairs(group, (target, ours[group]), (source, theirs[group]))
        groups[group] = {
            target.local(name): _fresh(value) if other is None else
            _copy(f"{target.local(name)} in group {group}", value, other, rows.matches(group, name, value, other))
            for name, value, other in pairs}
        left += behind
    names = {kind: [name for name in target.outputs if (name in source.outputs) == (kind == "shared")]
             for kind in ("shared", "fresh")}
    return {"groups": groups, "outputs": names} | ({"left": left} if left else {})


def _pairs(group: str, ours: tuple[TaskNet, Mapping[str, Tensor]], theirs: tuple[TaskNet, Mapping[str, Tensor]],
           ) -> tuple[list[tuple[str, Tensor, Tensor | None]], list[str]]:
    """Pair the weights of a group.

    Returns:
        (name in the target, target weight, source weight or None) of every weight of the target, and the names of
        the weights that only the source has.
    """
    names, other = ({net.place(name): name for name in weights} for net, weights in (ours, theirs))
    for odd in sorted(names.keys() ^ other.keys()):
        if group == HEAD and odd.rpartition(".")[2] in CHAIN:
            continue
        here, there = ("one", "none") if odd in names else ("none", "one")
        raise ConfigError(f"transfer.groups: {odd} in group {group}: this model has {here}, the source has {there}; "
                          "the two groups differ in kind")
    pairs = [(name, ours[1][name], theirs[1].get(other.get(place, ""))) for place, name in names.items()]
    return pairs, [theirs[0].local(name) for place, name in other.items() if place not in names]


class _Rows:
    """Finds the indices of two models' weights that belong to the same token or output."""

    def __init__(self, source: TaskNet, target: TaskNet, counts: np.ndarray, make: Make) -> None:
        self.source, self.target, self.counts = source, target, counts
        config = target.encoder.config
        self.by_unit = grown(target.model, lambda: make(resized(config, config.vocab_size + 1), target.outputs))
        self.by_output = grown(target.model, lambda: make(resized(config, config.vocab_size),
                                                          [*target.outputs, ANOTHER]))
        self.alignment = align(source.tokenizer, target.tokenizer)
        self.special = np.zeros(len(counts), dtype=bool)
        self.special[list(special_ids(target.tokenizer).values())] = True
        self.seen = self.alignment.shared & (self.special | (counts > 0))

    def matches(self, group: str, name: str, value: Tensor, other: Tensor) -> dict[int, Match]:
        """Return axis -> indices to copy, for the axes of a weight that belong to tokens or outputs.

        Args:
            group, name: layer group and name of the weight in the target.
            value, other: the weight in the target and in the source.
        """
        if group != HEAD and not hasattr(self.target.encoder, "unit_rows"):
            check_characters("transfer.groups", self.source.encoder.config, self.alignment)
        local, axes = self.target.local(name), self.by_unit.get(name, {})
        if axes.keys() - {0} and not np.array_equal(self.alignment.source, np.arange(self.alignment.old_units)):
            raise ConfigError(f"transfer.groups: {local} in group {group} has a column for each unit, and the source "
                              "has other units; take its tokenizer")
        ids, origin = (net.unit_ids(group, local, len(weight) if weight.ndim else 0, 0 in axes)
                       for net, weight in ((self.target, value), (self.source, other)))
        units = {} if ids is None or origin is None else {0: self._units(ids, origin, len(other))}
        return units | {axis: self._outputs(more) for axis, more in self.by_output.get(name, {}).items()}

    def _units(self, ids: range, origin: range, rows: int) -> Match:
        places = np.arange(ids.start, ids.stop)
        found = self.alignment.source[places]
        copied = self.seen[places] & (found >= origin.start) & (found < origin.stop)
        tokens = np.where(self.special, 0, self.counts)[places]
        covered = float(tokens[copied].sum() / max(1, tokens.sum()))
        return Match(torch.from_numpy(places[copied] - ids.start), torch.from_numpy(found[copied] - origin.start), rows,
                     {"tokens_covered": covered})

    def _outputs(self, each: int) -> Match:
        """Match an axis with `each` entries per output."""
        theirs = {name: place for place, name in enumerate(self.source.outputs)}
        pairs = [(place, theirs[name]) for place, name in enumerate(self.target.outputs) if name in theirs]
        first = torch.tensor(pairs, dtype=torch.int64).view(-1, 1, 2) * each
        to, origin = (first + torch.arange(each).view(1, -1, 1)).flatten(0, 1).unbind(1)
        return Match(to, origin, each * len(theirs))


def _copy(what: str, value: Tensor, other: Tensor, matches: Mapping[int, Match]) -> dict[str, float]:
    """Copy `other` into `value` and count rows."""
    needed = [matches[axis].length if axis in matches else size for axis, size in enumerate(value.shape)]
    if list(other.shape) != needed:
        raise ConfigError(f"transfer.groups: {what} has shape {list(value.shape)}, in the source {list(other.shape)}; "
                          "only numbers of units and outputs may differ")
    with torch.no_grad():
        _write(value, other, list(matches.items()))
    rows = len(value) if value.ndim else 1
    copied = len(matches[0].to) if 0 in matches else rows
    return {"rows": rows, "copied": copied, "fresh": rows - copied, **(matches[0].stats if 0 in matches else {})}


def _fresh(value: Tensor) -> dict[str, float]:
    return {"rows": len(value), "copied": 0, "fresh": len(value)}


def _write(value: Tensor, other: Tensor, matches: Sequence[tuple[int, Match]]) -> None:
    """Copy the matched indices of matched axes, and everything along the other axes."""
    if not matches:
        value.copy_(other)
        return
    (axis, match), *rest = matches
    part = value.index_select(axis, match.to)
    _write(part, other.index_select(axis, match.origin), rest)
    value.index_copy_(axis, match.to, part)
