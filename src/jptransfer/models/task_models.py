"""Encoders with a head for a task, new or loaded; each maps a batch of token ids to `.logits`.

If the encoder's ``...ForSequenceClassification`` or ``...ForTokenClassification`` of transformers computes the output,
that class is used, and the saved model loads in plain transformers. Other heads, and all heads on this project's
architectures, come from the registry `heads`. A `HeadedEncoder` holds such a head; it is saved as a plain encoder with
the head in a file beside it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
import transformers
from safetensors.torch import load_file, save_file
from torch import nn
from transformers import (
    AutoConfig,
    AutoModel,
    AutoModelForCausalLM,
    AutoModelForMaskedLM,
    PreTrainedConfig,
    PreTrainedModel,
)

from jptransfer.config import HeadConfig
from jptransfer.config.features import Pooling
from jptransfer.errors import ConfigError
from jptransfer.models.encoder import (
    SPECIAL,
    UNITS,
    Encoded,
    at_ids,
    encode,
    first_positions,
    top_layer_at,
    without_unread_types,
)
from jptransfer.models.heads.base import Head, HeadOutput
from jptransfer.models.heads.pooled_settings import PooledHeadConfig
from jptransfer.models.layers.scalar_mix import MixedHead
from jptransfer.models.pretrained import (
    explained,
    load_weights,
    local_architecture,
    on_cpu,
    quiet,
    register_auto_classes,
)
from jptransfer.models.windows import WindowReader, Windows, encode_windows
from jptransfer.registry import HEADS, MODELS
from jptransfer.tasks.base import Level, Output

HEAD_FILE = "head.safetensors"
_DROPOUT_FIELDS = ("classifier_dropout", "seq_classif_dropout", "cls_dropout", "classifier_dropout_prob")


class HeadedEncoder(nn.Module):
    """An encoder with a head of the registry `heads`; `windows` is how texts are read (None: in one piece)."""

    def __init__(self, encoder: PreTrainedModel, head: nn.Module, windows: Windows | None = None) -> None:
        super().__init__()
        self.encoder, self.head, self.windows = encoder, head, windows

    @property
    def base_model(self) -> PreTrainedModel:
        """The encoder, under the name that models of transformers use."""
        return self.encoder

    @property
    def config(self) -> PreTrainedConfig:
        """The encoder's configuration."""
        return self.encoder.config

    def forward(self, units: torch.Tensor | None = None, **inputs: torch.Tensor) -> HeadOutput:
        """Return the head's output.

        Args:
            units: (batch, length) of taggers, 1 at the first token of each tagged unit.
            inputs: ids, mask and further inputs of the encoder, (batch, length) each.
        """
        encoded = self.read(units, **inputs)
        return replace(self.head(encoded), encoded=encoded)

    def read(self, units: torch.Tensor | None = None, **inputs: torch.Tensor) -> Encoded:
        """Return the encoded batch that the head reads."""
        inputs = without_unread_types(self.encoder, inputs)
        if self.windows:
            inputs.pop(SPECIAL, None)
            return encode_windows(self.encoder, inputs, self.windows)
        encoded = encode(self.encoder, inputs)
        if self.head.level is Level.token:
            encoded = replace(at_ids(encoded, inputs), units=None if units is None else units.bool())
        return encoded

    def save_pretrained(self, folder: Path) -> None:
        """Write the encoder as a plain model of transformers, and the head to `HEAD_FILE`."""
        self.encoder.save_pretrained(folder)
        head = {name: value.contiguous() for name, value in self.head.state_dict().items()}
        save_file(head, folder / HEAD_FILE)


def fresh_head(
    source: Path | PreTrainedConfig, output: Output, names: Sequence[str], head: HeadConfig, seed: int,
    adjust: Callable[[PreTrainedConfig], None] = lambda config: None, windows: Windows | None = None,
) -> nn.Module:
    """Return an encoder with a new head.

    Args:
        source: folder of a pre-trained model, whose encoder is loaded, or the configuration of a new encoder.
        output: kind of output of the head.
        names: names of the outputs, in order (classes or tags).
        head: settings of the head.
        seed: seed of all weights that are not loaded: the head, a missing pooler, a new encoder.
        adjust: changes the encoder's configuration before the encoder is built.
        windows: how texts are read (None: in one piece).

    Raises:
        ConfigError: the encoder cannot read in windows, or the head cannot mix layers.
        DataError: the folder holds no encoder that transformers can load from safetensors.
    """
    config = source if isinstance(source, PreTrainedConfig) else read_configuration(source)
    config.id2label = dict(enumerate(names))
    config.label2id = {name: index for index, name in enumerate(names)}
    if output.problem_type:
        config.problem_type = output.problem_type  # type: ignore[assignment]
    adjust(config)
    for name in _DROPOUT_FIELDS:
        if hasattr(config, name):
            setattr(config, name, head.dropout)
    name = head_name(config, output, head)
    with _seeded(seed):
        if not name:
            if head.scalar_mix:
                raise ConfigError("finetuning.encoder.head.scalar_mix: the head that transformers has for this encoder "
                                  "reads its top layer; name another, for example finetuning.encoder.head.name=pooled")
            model = _start(_plain_class(output), source, config)
            _check_windows(windows, model.base_model)
            return model
        factory = HEADS.load(name)
        encoder = _without_pooler(_start(AutoModel, source, config))
        _check_windows(windows, encoder)
        return HeadedEncoder(encoder, _make_head(factory, head, config), windows)


def load_task_model(folder: Path, output: Output, head: HeadConfig, windows: Windows | None = None) -> nn.Module:
    """Load a model that `fresh_head` built and ``save_pretrained`` wrote."""
    config = read_configuration(folder)
    name = head_name(config, output, head)
    if not name:
        return load_weights(_plain_class(output), folder)
    encoder = _without_pooler(load_weights(AutoModel, folder))
    factory = HEADS.load(name)
    model = HeadedEncoder(encoder, _make_head(factory, head, encoder.config), windows)
    with explained(factory, folder):
        model.head.load_state_dict(load_file(folder / HEAD_FILE))
    return model


def head_name(config: PreTrainedConfig, output: Output, head: HeadConfig) -> str:
    """Return the registered name of the head of an encoder; empty for the encoder's class in transformers."""
    ours = local_architecture(config.model_type)
    if head.name or not ours:
        return head.name
    return output.head or str(MODELS.entries[ours].head)


def complete_head(source: Path | PreTrainedConfig, output: Output, head: HeadConfig) -> HeadConfig:
    """Return a head that the encoder can have: `head`, or a registered one if transformers has no class for the task.

    Some architectures of transformers lack such a class (Mamba has none, BART none for token classification). A tagger
    then gets head ``token``, a classifier head ``pooled``. A causal model is pooled at its last state, the only one
    that depends on the whole text; all other models are pooled by the mean.
    """
    config = source if isinstance(source, PreTrainedConfig) else read_configuration(source)
    if head.name or local_architecture(config.model_type) or type(config) in _plain_class(output)._model_mapping:
        return head
    if output.head:
        return replace(head, name=output.head)
    return replace(head, name="pooled", pooled=PooledHeadConfig(usual_pooling(config)))


def usual_pooling(config: PreTrainedConfig) -> Pooling:
    """Return how the states of an encoder are pooled where nothing else is asked for, see `complete_head`."""
    masked, causal = (type(config) in one._model_mapping for one in (AutoModelForMaskedLM, AutoModelForCausalLM))
    return Pooling.last if causal and not masked and not config.is_encoder_decoder else Pooling.mean


def _make_head(factory: type[Head], settings: HeadConfig, encoder: PreTrainedConfig) -> nn.Module:
    """Return a new head for the labels of `encoder`, on a mixture of layers if the settings or the encoder ask for it.
    """
    head: Any = factory(settings, encoder, encoder.num_labels or 0)
    mixes = getattr(encoder, "mix_layers", False) if settings.scalar_mix is None else settings.scalar_mix
    return MixedHead(head, getattr(encoder, "num_hidden_layers", 0) + 1) if mixes else head


def _check_windows(windows: Windows | None, encoder: nn.Module) -> None:
    if windows and not isinstance(encoder, WindowReader):
        raise ConfigError(f"finetuning.encoder.bptt: {type(encoder).__name__} carries no state from window to window; "
                          "leave it out (null)")


def save_task_model(model: nn.Module, folder: Path) -> None:
    """Write a model that `load_task_model` can load."""
    quiet()
    on_cpu(model).save_pretrained(folder)  # type: ignore[operator]


def task_output(model: nn.Module, inputs: Mapping[str, torch.Tensor]) -> HeadOutput:
    """Return float32 logits, (batch, labels) of a classifier or (batch, length, tags) of a tagger, and any penalty.

    If the head reads only the first token's state, the encoder's top layer computes no other state. The models of
    transformers do not take the inputs for units and special tokens, so these are removed for them.
    """
    if not isinstance(model, HeadedEncoder):
        inputs = without_unread_types(model, inputs)
        inputs = {name: tensor for name, tensor in inputs.items() if name not in (UNITS, SPECIAL)}
    if not _reads_first(model):
        output = model(**inputs)
    else:
        with top_layer_at(model, first_positions(inputs["input_ids"])):
            output = model(**inputs)
    rest = {name: getattr(output, name, None) for name in ("penalty", "chain", "places", "encoded")}
    return HeadOutput(output.logits.float(), **rest)


def _reads_first(model: nn.Module) -> bool:
    if isinstance(model, HeadedEncoder):
        return bool(model.head.reads_first)
    return type(model).__name__.endswith("ForSequenceClassification")


def _plain_class(output: Output) -> Any:
    return getattr(transformers, output.auto_class)


def _start(factory: Any, source: Path | PreTrainedConfig, config: PreTrainedConfig) -> PreTrainedModel:
    if isinstance(source, PreTrainedConfig):
        return factory.from_config(config)
    return load_weights(factory, source, fresh_head=True, config=config)


def read_configuration(folder: Path) -> PreTrainedConfig:
    """Return the configuration of the model in a folder, also of this project's architectures."""
    quiet()
    register_auto_classes(folder)
    with explained(AutoConfig, folder):
        return AutoConfig.from_pretrained(folder, trust_remote_code=False)


def _without_pooler(encoder: Any) -> PreTrainedModel:
    """Remove a pooler that no head reads, so that every parameter gets gradients."""
    if getattr(encoder, "pooler", None) is not None:
        encoder.pooler = None
    return encoder


@contextmanager
def _seeded(seed: int) -> Iterator[None]:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        yield
