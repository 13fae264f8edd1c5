"""An encoder: embeddings, each beside the mean of its neighbours."""

from dataclasses import dataclass

from torch import nn
from transformers import AutoConfig, AutoModel, PreTrainedConfig, PreTrainedModel
from transformers.modeling_outputs import BaseModelOutput

from jptransfer.config.fields import setting
from jptransfer.registry import MODELS


@MODELS.register("neighbours", target="configuration", head="mean_max", groups=("embeddings", "layer.*"))
@dataclass
class NeighboursModelConfig:
    """Embeddings and a convolution over neighbouring tokens."""

    width: int = setting(32, low=1)
    """width of the states"""
    kernel: int = setting(3, low=1)
    """tokens that the convolution reads at a time"""


class NeighboursConfig(PreTrainedConfig):
    """Size of the encoder; its `model_type` is ``jpt_`` and the registered name."""

    model_type = "jpt_neighbours"

    def __init__(self, vocab_size=8, hidden_size=32, kernel=3, pad_token_id=0, **settings):
        self.vocab_size, self.hidden_size, self.kernel, self.num_hidden_layers = vocab_size, hidden_size, kernel, 1
        super().__init__(pad_token_id=pad_token_id, **settings)


class NeighboursModel(PreTrainedModel):
    """Returns states (batch, length, width)."""

    config_class = NeighboursConfig
    base_model_prefix = "encoder"
    main_input_name = "input_ids"

    def __init__(self, config):
        super().__init__(config)
        self.embeddings = nn.Embedding(config.vocab_size, config.hidden_size)
        self.convolution = nn.Conv1d(config.hidden_size, config.hidden_size, config.kernel, padding="same")
        self.post_init()

    def forward(self, input_ids, attention_mask=None, **_):
        """Return the embeddings and the top layer; padding is zero."""
        mask = 1.0 if attention_mask is None else attention_mask.unsqueeze(-1)
        words = self.embeddings(input_ids) * mask
        states = self.convolution(words.transpose(1, 2)).transpose(1, 2).tanh() * mask
        return BaseModelOutput(last_hidden_state=states, hidden_states=(words, states))

    def parameter_group(self, name):
        """Return the layer group of a parameter."""
        return "embeddings" if name.startswith("embeddings") else "layer.0"


def configuration(config, vocab_size, pad_id):
    """Return the configuration that transformers makes the encoder of."""
    size = config.neighbours
    return NeighboursConfig(vocab_size, size.width, size.kernel, pad_id)


AutoConfig.register(NeighboursConfig.model_type, NeighboursConfig)
AutoModel.register(NeighboursConfig, NeighboursModel)
