"""Layer groups of a trained task model as the start of another one (Johnson et al. 2019, section 3.3).

What has a row for each unit (embeddings) is matched by the units' text, what has one for each output (the dense layer,
a CRF's transitions) by the names of tags or classes; all else must have the same shape. A unit's row is copied where
both models have seen it in training: the source if it is in its vocabulary, since a tagger's vocabulary is made from
its training texts; the target if it occurs in what the model is going to learn from. Special units are matched by what
they are for, and always count as seen. All other rows stay as they are.

The dense layer of a tagger is the same with a CRF on it and without: between the two it is copied, and the transitions
that only one of them has stay fresh, or stay behind. In all other groups both models must have the same weights.
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
from jptransfer.text.types import Tokenizer
from jptransfer.transfer.groups import HEAD, encoder_prefix, select, weight_groups
from jptransfer.transfer.vocabulary import align, check_characters, grown, resized, special_ids

Make = Callable[[PreTrainedConfig, Sequence[str]], nn.Module]
"""Makes a model like the target, given an encoder's configuration and the names of outputs."""
ANOTHER = "B-"
"""Stands for one output more."""
CHAIN = ("transitions", "starts", "ends")
"""What a CRF has besides the dense layer."""


@dataclass(frozen=True)
class TaskNet:
    """A task model, the tokenizer it reads with, the names of its outputs in order, and the kind of its task."""

    model: nn.Module
    tokenizer: Tokenizer
    outputs: Sequence[str]
    kind: str = "ner"

    @property
    def encoder(self) -> Any:
        """The encoder inside the model."""
        return encoder_of(self.model)

    def local(self, name: str) -> str:
        """Return a weight's name without what the model's class calls its encoder."""
        return name.removeprefix(encoder_prefix(self.model))

    def place(self, name: str) -> str:
        """Return what a weight is called where two models are compared: a tagger's dense layer as in a head of ours."""
        plain = self.kind == "ner" and not isinstance(self.model, HeadedEncoder)
        return f"{HEAD}.{name}" if plain and self.local(name) == name else self.local(name)

    def unit_ids(self, group: str, name: str, rows: int, grows: bool) -> range | None:
        """Return the ids of the units that the rows of a weight belong to, in order; None: to none.

        Args:
            name: local one. `rows`: how many there are, maybe more than units.
            grows: whether a larger vocabulary makes more of them; an encoder that knows its rows is not asked so.
        """
        own = getattr(self.encoder, "unit_rows", None)
        if own and group != HEAD:
            return own(name)  # type: ignore[no-any-return]
        return range(min(rows, self.tokenizer.vocab_size)) if grows else None


@dataclass(frozen=True)
class Match:
    """Places of an axis that are copied.

    Attributes:
        to, origin: int64 (n,), the places in the target and in the source.
        length: of the axis in the source.
        told: what a report says of them besides their number.
    """

    to: Tensor
    origin: Tensor
    length: int
    told: Mapping[str, float] = field(default_factory=dict)


def copy_groups(source: TaskNet, target: TaskNet, patterns: Sequence[str], counts: np.ndarray,
                make: Make) -> dict[str, Any]:
    """Copy the layer groups that `patterns` mean (see `groups.select`) and return what was copied.

    Args:
        counts: how often each unit of the target's tokenizer occurs in what the target learns from, (units,).
        make: shows which axes of the target grow with the vocabulary or the outputs; takes no memory for weights.

    Returns:
        `groups`: group -> weight -> rows, copied, fresh, and where rows are units `tokens_covered`: the share of the
        target's training tokens (special ones aside) whose unit's row was copied. `outputs`: names that both models
        have (`shared`), and the target's others (`fresh`). `left`: weights of these groups that only the source has.

    Raises:
        ConfigError: no such group, the source lacks a group or a weight of it, or a shape does not fit.
    """
    ours, theirs = weight_groups(target.model), weight_groups(source.model)
    chosen = select(ours, patterns, "transfer.groups")
    if HEAD in chosen and source.kind != target.kind:
        raise ConfigError(f"transfer.groups: the source was made for {source.kind}, and this task is {target.kind}: "
                          "take groups of the encoder, without the head")
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
    """Return of every weight of a group its name in the target, its value there and in the source (None: it lacks it),
    and the names of those that only the source has."""
    names, other = ({net.place(name): name for name in weights} for net, weights in (ours, theirs))
    for odd in sorted(names.keys() ^ other.keys()):
        if group == HEAD and odd.rpartition(".")[2] in CHAIN:
            continue
        here, there = ("one", "none") if odd in names else ("none", "one")
        raise ConfigError(f"transfer.groups: {odd} in group {group}: this model has {here}, the source has {there}; "
                          "the groups are not of one kind")
    pairs = [(name, ours[1][name], theirs[1].get(other.get(place, ""))) for place, name in names.items()]
    return pairs, [theirs[0].local(name) for place, name in other.items() if place not in names]


class _Rows:
    """Finds which places of two models' weights stand for the same unit or output."""

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
        """Return axis -> what is copied, for those axes of a weight that stand for units or outputs.

        Args:
            name: in the target, which has it as `value`; in the source it is `other`.
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
        """Match axes with `each` places an output."""
        theirs = {name: place for place, name in enumerate(self.source.outputs)}
        pairs = [(place, theirs[name]) for place, name in enumerate(self.target.outputs) if name in theirs]
        first = torch.tensor(pairs, dtype=torch.int64).view(-1, 1, 2) * each
        to, origin = (first + torch.arange(each).view(1, -1, 1)).flatten(0, 1).unbind(1)
        return Match(to, origin, each * len(theirs))


def _copy(what: str, value: Tensor, other: Tensor, matches: Mapping[int, Match]) -> dict[str, float]:
    """Copy `other` into `value`, and return how much."""
    needed = [matches[axis].length if axis in matches else size for axis, size in enumerate(value.shape)]
    if list(other.shape) != needed:
        raise ConfigError(f"transfer.groups: {what} has shape {list(value.shape)}, in the source {list(other.shape)}; "
                          "only numbers of units and outputs may differ")
    with torch.no_grad():
        _write(value, other, list(matches.items()))
    rows = len(value) if value.ndim else 1
    copied = len(matches[0].to) if 0 in matches else rows
    return {"rows": rows, "copied": copied, "fresh": rows - copied, **(matches[0].told if 0 in matches else {})}


def _fresh(value: Tensor) -> dict[str, float]:
    return {"rows": len(value), "copied": 0, "fresh": len(value)}


def _write(value: Tensor, other: Tensor, matches: Sequence[tuple[int, Match]]) -> None:
    """Copy the places of the axes that match, and all places of the others."""
    if not matches:
        value.copy_(other)
        return
    (axis, match), *rest = matches
    part = value.index_select(axis, match.to)
    _write(part, other.index_select(axis, match.origin), rest)
    value.index_copy_(axis, match.to, part)
