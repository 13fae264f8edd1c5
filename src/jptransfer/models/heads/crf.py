"""A conditional random field over the tags of a text (Lample et al. 2016, section 2.2)."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from transformers import PreTrainedConfig

from jptransfer.config import HeadConfig
from jptransfer.models.encoder import Encoded
from jptransfer.models.heads.base import HeadOutput
from jptransfer.models.heads.token import TokenHead
from jptransfer.models.layers.linear_chain import FORBIDDEN, TagChain
from jptransfer.tasks.spans import may_follow


class CrfHead(TokenHead):
    """The token head's layer, and scores of first tags, transitions and last tags.

    With constraints, sequences that are invalid in the tag scheme have probability zero. Computed in float32.
    """

    over_text = True
    """Tags are decided jointly, so the loss cannot be split into losses of single tags."""

    def __init__(self, config: HeadConfig, encoder: PreTrainedConfig, outputs: int) -> None:
        super().__init__(config, encoder, outputs)
        self.transitions = nn.Parameter(torch.zeros(outputs, outputs))
        self.starts, self.ends = (nn.Parameter(torch.zeros(outputs)) for _ in range(2))
        tags = list((encoder.id2label or {}).values()) if config.crf.constraints else []
        pairs = [[not may_follow(before, tag) for tag in tags] for before in tags] or torch.zeros(outputs, outputs)
        first = [not may_follow("", tag) for tag in tags] or torch.zeros(outputs)
        # Not saved, because the tags' names determine these buffers.
        self.register_buffer("forbidden_pairs", torch.as_tensor(pairs).bool(), persistent=False)
        self.register_buffer("forbidden_first", torch.as_tensor(first).bool(), persistent=False)

    def forward(self, encoded: Encoded) -> HeadOutput:
        """Return the emissions as logits (batch, length, outputs), and the chain of the tagged units."""
        logits = super().forward(encoded).logits
        places, mask = unit_places(encoded)
        emissions = logits.float().gather(1, places.unsqueeze(-1).expand(-1, -1, logits.shape[-1]))
        buffers: Any = self
        chain = TagChain(emissions, mask, self.transitions.float().masked_fill(buffers.forbidden_pairs, FORBIDDEN),
                         self.starts.float().masked_fill(buffers.forbidden_first, FORBIDDEN), self.ends.float())
        return HeadOutput(logits, chain=chain, places=places)


def unit_places(encoded: Encoded) -> tuple[Tensor, Tensor]:
    """Return the positions of each text's tagged units (batch, units), in order, and their mask.

    There is at least one position per text. If `encoded.units` is None, every token is a unit.
    """
    units = encoded.mask if encoded.units is None else encoded.units
    count = units.sum(1)
    most = max(1, int(count.max()))
    places = (~units).to(torch.int8).argsort(dim=1, stable=True)[:, :most]
    return places, torch.arange(most, device=units.device) < count.unsqueeze(1)
