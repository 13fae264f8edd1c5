"""fastai's AWD-LSTM as a peer: the same sizes and weights as ours. Tests and benchmarks share it."""

from __future__ import annotations

from typing import Any

import torch
from fastai.text.models.awdlstm import AWD_LSTM
from fastai.text.models.core import get_language_model, get_text_classifier
from torch import nn

from jptransfer.models.encoders.awd_lstm import AwdLstmConfig, AwdLstmModel
from jptransfer.models.windows import Windows

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


def classifier_like(model: Any, windows: Windows) -> nn.Module:
    """Return fastai's classifier with the sizes, dropouts, windows and encoder's weights of ours.

    Its head gets ours' weights too; what it lacks (biases of the linear layers) is set to zero in ours.
    """
    config, hidden, output = model.config, model.head.hidden, model.head.output
    theirs = get_text_classifier(
        AWD_LSTM, config.vocab_size, output[-1].out_features, seq_len=windows.width, pad_idx=config.pad_token_id,
        config=settings_of(config) | {"output_p": hidden[1].p}, lin_ftrs=[hidden[-1].out_features], ps=[output[1].p],
        max_len=windows.seen)
    copy_encoder(model.encoder, theirs[0].module)
    with torch.no_grad():
        for ours, layers in zip((hidden, output), theirs[1].layers, strict=True):
            ours[-1].bias.zero_()
            layers[0].load_state_dict(ours[0].state_dict())
            next(layer for layer in layers if isinstance(layer, nn.Linear)).weight.copy_(ours[-1].weight)
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
