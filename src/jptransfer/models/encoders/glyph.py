"""GlyphNet's spatial part (Zhang and LeCun 2017): vectors of characters from their pictures.

Sizes of their code (``glyphnet/config.lua``), the large net: pictures of 16 x 16; three pairs of convolutions of 64,
128 and 256 filters of 3 x 3, each followed by max pooling by 2; linear layers of 1,024 and 256. The small net has two
pairs of 64 and 128 filters, pooled by 3 (with one pixel of background around the picture), and linear layers of 256
and 256.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import Tensor, nn
from torch.nn.functional import embedding, max_pool2d, pad, relu
from transformers import AutoConfig, AutoModel, PreTrainedConfig, PreTrainedModel
from transformers import initialization as init
from transformers.modeling_outputs import BaseModelOutput

from jptransfer.config import ModelConfig
from jptransfer.models.encoders.embedding import masked
from jptransfer.models.layers.glyphs import GlyphTable
from jptransfer.text.types import Tokenizer


class GlyphConfig(PreTrainedConfig):
    """Size of a glyph encoder; see `GlyphModelConfig`."""

    model_type = "jpt_glyph"

    def __init__(self, vocab_size: int = 8, size: int = 16, filters: tuple[int, ...] = (64, 128, 256), pool: int = 2,
                 intermediate_size: int = 1024, hidden_size: int = 256, pad_token_id: int = 0, **settings: Any) -> None:
        self.vocab_size, self.size, self.filters, self.pool = vocab_size, size, list(filters), pool
        self.intermediate_size, self.hidden_size = intermediate_size, hidden_size
        super().__init__(pad_token_id=pad_token_id, **settings)


class ConvolutionPair(nn.Module):
    """Two convolutions of 3 x 3 and max pooling."""

    def __init__(self, before: int, after: int, pool: int) -> None:
        super().__init__()
        self.first, self.second = (nn.Conv2d(width, after, 3, padding=1) for width in (before, after))
        self.pool = pool

    def forward(self, pictures: Tensor) -> Tensor:
        """Return (characters, after, side / pool, side / pool) of (characters, before, side, side)."""
        return max_pool2d(relu(self.second(relu(self.first(pictures)))), self.pool)


class GlyphModel(PreTrainedModel):
    """The vector of every character from its picture; each distinct character of a batch is computed once."""

    config_class = GlyphConfig
    base_model_prefix = "encoder"
    main_input_name = "input_ids"
    reads_special = False

    def __init__(self, config: GlyphConfig) -> None:
        super().__init__(config)
        self.table = GlyphTable(config.vocab_size, config.size)
        step = config.pool ** len(config.filters)
        self.ground = -config.size % step
        side = (config.size + self.ground) // step
        pairs = zip([1, *config.filters], config.filters, strict=False)
        self.layers = nn.ModuleList(ConvolutionPair(before, after, config.pool) for before, after in pairs)
        self.layers.append(nn.Sequential(
            nn.Flatten(), nn.Linear(config.filters[-1] * side * side, config.intermediate_size), nn.ReLU(),
            nn.Linear(config.intermediate_size, config.hidden_size), nn.ReLU()))
        self.post_init()

    def forward(self, input_ids: Tensor, attention_mask: Tensor | None = None, **_: Any) -> BaseModelOutput:
        """Return the vectors as one layer of states, (batch, length, width), zero at padding."""
        distinct, places = input_ids.unique(return_inverse=True)
        before, after = self.ground // 2, self.ground - self.ground // 2
        vectors = pad(self.table(distinct).unsqueeze(1), (before, after, before, after))
        for layer in self.layers:
            vectors = layer(vectors)
        states = masked(embedding(places, vectors), attention_mask)
        return BaseModelOutput(last_hidden_state=states, hidden_states=(states,))

    def _init_weights(self, module: nn.Module) -> None:
        if isinstance(module, nn.Conv2d | nn.Linear):
            init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
            if module.bias is not None:
                init.zeros_(module.bias)

    def start_from(self, config: ModelConfig, tokenizer: Tokenizer) -> Mapping[str, Any]:
        """Draw the tokens of the tokenizer; return the number missing in the font."""
        return {"glyphs": self.table.fill(config.glyph, tokenizer)}

    def parameter_group(self, name: str) -> str:
        """Return the layer group of a parameter: ``layer.0``, ... for the pairs, the last group for linear layers."""
        return f"layer.{name.split('.')[1]}"


def configuration(config: ModelConfig, vocab_size: int, pad_id: int) -> GlyphConfig:
    """Return the configuration of a `GlyphModel`."""
    size = config.glyph
    return GlyphConfig(vocab_size, size.size, tuple(size.filters), size.pool, size.hidden, size.width, pad_id)


AutoConfig.register(GlyphConfig.model_type, GlyphConfig)
AutoModel.register(GlyphConfig, GlyphModel)
