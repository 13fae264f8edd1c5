"""fastai's AWD-LSTM as a peer: the same sizes and weights as ours. Tests and benchmarks share it."""

from __future__ import annotations

from typing import Any

import torch
from fastai.text.models.awdlstm import AWD_LSTM
from fastai.text.models.core import get_language_model
from torch import nn

from jptransfer.models.awd_lstm import AwdLstmConfig, AwdLstmModel

RATES = {"input": "input_p", "hidden": "hidden_p", "embedding": "embed_p", "weight": "weight_p"}
"""Places of the encoder's dropouts, ours -> fastai's."""


def settings_of(config: AwdLstmConfig) -> dict[str, Any]:
    """Return fastai's settings of an encoder of our sizes and dropouts."""
    rates = {theirs: getattr(config, f"{ours}_dropout") for ours, theirs in RATES.items()}
    return {"emb_sz": config.hidden_size, "n_hid": config.recurrent_size, "n_layers": config.num_hidden_layers,
            "pad_token": config.pad_token_id, "bidir": False, **rates}


def language_model_like(model: Any) -> nn.Module:
    """Return fastai's language model with the sizes, dropouts and weights of ours."""
    config = model.config
    settings = settings_of(config) | {"tie_weights": True, "out_bias": True, "output_p": config.output_dropout}
    theirs = get_language_model(AWD_LSTM, config.vocab_size, settings)
    copy_encoder(model.encoder, theirs[0])
    with torch.no_grad():
        theirs[1].decoder.bias.copy_(model.decoder.bias)
    return theirs


@torch.no_grad()
def copy_encoder(ours: AwdLstmModel, theirs: nn.Module) -> None:
    """Give fastai's encoder the weights of ours."""
    pairs = zip(encoder_parameters(ours), encoder_parameters(theirs), strict=True)
    for mine, peer in pairs:
        peer.copy_(mine)
    theirs.reset()


def encoder_parameters(encoder: Any) -> list[nn.Parameter]:
    """Return the parameters of an encoder, ours or fastai's, in one order."""
    if isinstance(encoder, AwdLstmModel):
        layers = [part for layer in encoder.layers
                  for part in (layer.weight_ih, layer.weight_hh, layer.bias_ih, layer.bias_hh)]
        return [encoder.embeddings.weight, *layers]
    layers = [part for rnn in encoder.rnns for part in (
        rnn.module.weight_ih_l0, rnn.weight_hh_l0_raw, rnn.module.bias_ih_l0, rnn.module.bias_hh_l0)]
    return [encoder.encoder.weight, *layers]
