"""A weighted sum of an encoder's layers as the input of a head (Peters et al. 2018, section 3.2, equation 1)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn

from jptransfer.errors import ConfigError
from jptransfer.models.encoder import Encoded
from jptransfer.models.heads.base import Head, HeadOutput
from jptransfer.text.types import Tokenizer


class ScalarMix(nn.Module):
    """gamma * sum over layers of s_k h_k; s is the softmax of trainable weights, which are initially equal."""

    def __init__(self, layers: int) -> None:
        super().__init__()
        self.weights = nn.Parameter(torch.zeros(layers))
        self.gamma = nn.Parameter(torch.ones(()))

    def forward(self, states: Sequence[Tensor]) -> Tensor:
        """Return the mixture (batch, length, width) of the states of all layers, lowest first.

        Raises:
            ConfigError: the number of layers differs from that of the weights, or layers differ in width.
        """
        if len({part.shape for part in states}) > 1 or len(states) != len(self.weights):
            widths = ", ".join(str(part.shape[-1]) for part in states)
            raise ConfigError(f"finetuning.encoder.head.scalar_mix needs {len(self.weights)} layers of one width; this "
                              f"encoder has layers of {widths}; set it to false")
        shares = self.weights.float().softmax(0)
        return self.gamma * sum((share * part for share, part in zip(shares[1:], states[1:], strict=True)),
                                start=shares[0] * states[0])


class MixedHead(nn.Module):
    """A head that reads a mixture of all layers instead of the top layer."""

    reads_first = False

    def __init__(self, head: Head, layers: int) -> None:
        super().__init__()
        self.level = head.level
        self.mix, self.head = ScalarMix(layers), head

    def start_from(self, tokenizer: Tokenizer) -> Mapping[str, Any]:
        """Initialise the inner head; see `Head`."""
        return getattr(self.head, "start_from", lambda _: {})(tokenizer)

    def forward(self, encoded: Encoded) -> HeadOutput:
        """Return the inner head's output for the mixture; see `Head`."""
        return self.head(replace(encoded, states=(*encoded.states, self.mix(encoded.states))))
