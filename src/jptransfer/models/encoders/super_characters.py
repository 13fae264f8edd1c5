"""Super Characters (Sun et al. 2018): a text is drawn as one square picture of its characters and read by a ResNet.

In the paper the picture has 224 x 224 pixels, and the average over the ResNet's whole last map is classified. Here the
state of a character is the map's cell at the character's position, so any head can read the states. Their mean
(``pooling: mean``) is the average over the non-empty part of the picture.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import pad
from transformers import AutoConfig, AutoModel, PreTrainedConfig, PreTrainedModel, ResNetConfig, ResNetModel
from transformers.modeling_outputs import BaseModelOutput

from jptransfer.config import ModelConfig
from jptransfer.errors import ConfigError
from jptransfer.models.encoders.embedding import masked
from jptransfer.models.encoders.super_characters_settings import SuperCharactersModelConfig
from jptransfer.models.layers.glyphs import GlyphTable
from jptransfer.models.pretrained import load_weights, read_model_type
from jptransfer.text.types import Tokenizer


class SuperCharactersConfig(PreTrainedConfig):
    """Size of the picture, and of the ResNet (`channels` to `layer_type`, see `transformers.ResNetConfig`)."""

    model_type = "jpt_super_characters"

    def __init__(self, vocab_size: int = 8, grid: int = 14, size: int = 16, channels: int = 1, stem: int = 64,
                 widths: tuple[int, ...] = (64, 128, 256, 512), depths: tuple[int, ...] = (2, 2, 2, 2),
                 layer_type: str = "basic", pad_token_id: int = 0, **settings: Any) -> None:
        self.vocab_size, self.grid, self.size, self.channels, self.stem = vocab_size, grid, size, channels, stem
        self.widths, self.depths, self.layer_type = list(widths), list(depths), layer_type
        self.hidden_size, self.max_position_embeddings = self.widths[-1], grid * grid
        super().__init__(pad_token_id=pad_token_id, **settings)

    @property
    def net(self) -> ResNetConfig:
        """Configuration of the ResNet."""
        return ResNetConfig(num_channels=self.channels, embedding_size=self.stem, hidden_sizes=self.widths,
                            depths=self.depths, layer_type=self.layer_type)


class SuperCharactersModel(PreTrainedModel):
    """A square picture with the characters row by row, and a ResNet over it, with batch normalisation."""

    config_class = SuperCharactersConfig
    base_model_prefix = "encoder"
    main_input_name = "input_ids"

    def __init__(self, config: SuperCharactersConfig) -> None:
        super().__init__(config)
        self.grid = config.grid
        self.table = GlyphTable(config.vocab_size, config.size)
        self.net = ResNetModel(config.net)
        self.post_init()

    def forward(self, input_ids: Tensor, attention_mask: Tensor | None = None, **_: Any) -> BaseModelOutput:
        """Return for each character the map's cell at its position, (batch, length, width), zero at padding."""
        picture = self.picture(input_ids, attention_mask).unsqueeze(1).expand(-1, self.net.config.num_channels, -1, -1)
        seen = self.net(picture).last_hidden_state
        places = torch.arange(input_ids.shape[1], device=input_ids.device).clamp(max=self.grid * self.grid - 1)
        side = seen.shape[-1]
        rows, columns = (place * side // self.grid for place in (places // self.grid, places % self.grid))
        states = masked(seen.flatten(2)[:, :, rows * side + columns].transpose(1, 2), attention_mask)
        return BaseModelOutput(last_hidden_state=states, hidden_states=(states,))

    def picture(self, ids: Tensor, mask: Tensor | None = None) -> Tensor:
        """Return the pictures (batch, grid * size, grid * size) of the first grid * grid ids; 1 is ink."""
        cells = self.grid * self.grid
        glyphs = self.table(ids[:, :cells])
        if mask is not None:
            glyphs = glyphs * mask[:, :cells, None, None]
        glyphs = pad(glyphs, (0, 0, 0, 0, 0, cells - glyphs.shape[1]))
        rows = glyphs.unflatten(1, (self.grid, self.grid)).transpose(2, 3)
        return rows.flatten(3, 4).flatten(1, 2)

    def start_from(self, config: ModelConfig, tokenizer: Tokenizer) -> Mapping[str, Any]:
        """Load the ResNet's weights, if configured, and draw the tokens of the tokenizer; return glyph statistics."""
        if folder := config.super_characters.weights:
            self.net.load_state_dict(load_weights(AutoModel, Path(folder)).state_dict())
        return {"glyphs": self.table.fill(config.super_characters, tokenizer)}

    def parameter_group(self, name: str) -> str:
        """Return the layer group of a parameter: ``embeddings`` (the first convolution), ``layer.0``, ... (stages)."""
        _, part, *rest = name.split(".")
        return "embeddings" if part == "embedder" else f"layer.{rest[1]}"


def configuration(config: ModelConfig, vocab_size: int, pad_id: int) -> SuperCharactersConfig:
    """Return the configuration of a `SuperCharactersModel`.

    Raises:
        ConfigError: the picture is too small for the stages, or the folder of weights holds no ResNet.
    """
    size = config.super_characters
    made = SuperCharactersConfig(vocab_size, size.grid, size.size, **_sizes(size), pad_token_id=pad_id)
    least = 2 ** (len(made.widths) + 2)
    if size.grid * size.size < least:
        raise ConfigError(f"model.super_characters: the picture has {size.grid * size.size} pixels a side (grid times "
                          f"size); {len(made.widths)} stages need {least}")
    return made


def _sizes(size: SuperCharactersModelConfig) -> dict[str, Any]:
    if not size.weights:
        layer_type = "bottleneck" if size.bottleneck else "basic"
        return {"stem": size.stem, "widths": size.widths, "depths": size.depths, "layer_type": layer_type}
    folder = Path(size.weights)
    if read_model_type(folder) != "resnet":
        raise ConfigError(f"model.super_characters.weights: {folder} holds no ResNet of transformers")
    net = ResNetConfig.from_pretrained(folder)
    return {"channels": net.num_channels, "stem": net.embedding_size, "widths": net.hidden_sizes,
            "depths": net.depths, "layer_type": net.layer_type}


AutoConfig.register(SuperCharactersConfig.model_type, SuperCharactersConfig)
AutoModel.register(SuperCharactersConfig, SuperCharactersModel)
