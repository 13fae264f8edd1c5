"""Fetch, load and save language models. All external weights are read here: no pickle, no remote code."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from jptransfer.config import ObjectiveConfig
from jptransfer.config.objectives import chosen
from jptransfer.errors import ConfigError, DataError, raising_as, reason
from jptransfer.files import check_readable
from jptransfer.hub import HUB, split_reference
from jptransfer.registry import MASKED, MODELS, objectives_for
from jptransfer.text.base import read_object

if TYPE_CHECKING:
    from transformers import PreTrainedConfig, PreTrainedModel

    from jptransfer.config import ModelConfig
    from jptransfer.text.types import Tokenizer

# Weights as safetensors, settings and vocabularies. Files that could run code when they are read are not fetched.
ALLOWED = ("*.safetensors", "*.safetensors.index.json", "*.json", "*.txt", "*.model", "*.vocab")


def fetch(reference: str) -> tuple[Path, str]:
    """Return the local folder of a reference, and its exact name.

    Args:
        reference: ``hf:org/name@revision``, or a folder. The exact name of a hub model is ``hf:org/name@<commit>``,
            that of a folder its path.

    Raises:
        ConfigError: no such folder or hub model.
    """
    if not reference.startswith(HUB):
        folder = Path(reference)
        if not folder.is_dir():
            raise ConfigError(f"there is no folder '{reference}' (models of the hub are written hf:org/name@revision)")
        return folder, str(folder)
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError

    name, revision = split_reference(reference)
    try:
        folder = Path(snapshot_download(name, revision=revision, allow_patterns=list(ALLOWED)))
    except (HfHubHTTPError, HFValidationError, LocalEntryNotFoundError) as error:
        raise ConfigError(f"can't fetch {reference}: {reason(error)}") from error
    # The hub's cache names a snapshot by its commit.
    return folder, f"{HUB}{name}@{folder.name}"


_OTHER_WEIGHTS = ("*.bin", "*.pt", "*.pth", "*.h5", "*.msgpack", "*.ckpt")

_NUMBER = re.compile(r"(?<=\.)\d+(?=\.)")
"""Matches the layer number in the name of a weight."""

OWN = "jpt_"
"""Prefix of `model_type` in the configurations of this project's architectures."""


def register_auto_classes(folder: Path) -> None:
    """Import the module of one of this project's architectures, which registers it with transformers' auto classes.

    The `model_type` of such a model is `OWN` followed by its name in the registry `models`. Other architectures need
    no import.
    """
    if ours := local_architecture(read_model_type(folder)):
        MODELS.load(ours)


def read_model_type(folder: Path) -> str:
    """Return the `model_type` of the configuration in a folder, or an empty string if there is none."""
    path = folder / "config.json"
    return str(_settings(folder).get("model_type", "")) if path.is_file() else ""


def local_architecture(model_type: str) -> str:
    """Return the name in the registry `models` of a `model_type`; empty for architectures of transformers."""
    return model_type.removeprefix(OWN) if model_type.startswith(OWN) else ""


def fresh_language_model(config: PreTrainedConfig, objective: ObjectiveConfig) -> PreTrainedModel:
    """Return a randomly initialised model with the head that `objective` trains.

    Weights are drawn from torch's current random state.

    Raises:
        ConfigError: the architecture has no such head.
    """
    import transformers

    try:
        return getattr(transformers, chosen(objective).model_class).from_config(config)
    except ValueError as error:
        raise ConfigError(f"objective.name={objective.name}: {reason(error)}") from error


def fresh_configuration(model: ModelConfig, tokenizer: Tokenizer) -> PreTrainedConfig:
    """Return the configuration of an architecture for the vocabulary of a tokenizer.

    Raises:
        ConfigError: the architecture cannot read the tokens of this kind of tokenizer.
    """
    from jptransfer.models.layers.word_rows import set_char_vocab

    return set_char_vocab(MODELS.load(model.architecture)(model, tokenizer.vocab_size, tokenizer.pad_id), tokenizer)


_DISCRIMINATORS = {"ElectraForPreTraining", "FunnelForPreTraining"}
"""Pre-training models that do not predict tokens."""


def trainable_objectives(folder: Path) -> tuple[str, ...]:
    """Return the objectives that the language model in a folder can be trained on further; empty if unknown.

    The class named in ``config.json`` decides; if none is named, `model_type` decides.

    Raises:
        DataError: the model is not a language model, or not one that jpt can train.
    """
    settings = _settings(folder)
    name, model_type = (settings.get("architectures") or [""])[0], read_model_type(folder)
    if ours := local_architecture(model_type):
        objectives = objectives_for(MODELS.check(ours, f"{folder}/config.json: model_type"))
        if not objectives or name.endswith("Model"):
            raise DataError(f"{folder} holds {name}, which is not a language model")
        return objectives
    masked, causal, decodes = _has_head(name, model_type)
    # BERT's families use one class for masked and causal models; with is_decoder attention only looks back.
    if settings.get("is_decoder") is True:
        masked, causal = False, True
    if settings.get("is_encoder_decoder") or decodes or (causal and not masked):
        kind = "a causal language model" if causal else "an encoder-decoder"
        raise DataError(f"{folder} holds {kind} ({name or model_type}); of transformers' models jpt trains masked "
                        "language models further; this one can be fine-tuned as it is (lm=FOLDER domain=none)")
    if name and not masked:
        raise DataError(f"{folder} holds {name}, which has no head of a masked language model, and a fresh one would "
                        "be random; take the model with its head, or fine-tune this one as it is (lm=FOLDER "
                        "domain=none)")
    return objectives_for(MASKED) if masked else ()


def _has_head(name: str, model_type: str) -> tuple[bool, bool, bool]:
    """Return whether a class of transformers is a masked, a causal, an encoder-decoder language model."""
    from transformers.models.auto import modeling_auto as auto

    masked, causal = auto.MODEL_FOR_MASKED_LM_MAPPING_NAMES, auto.MODEL_FOR_CAUSAL_LM_MAPPING_NAMES
    decoding = auto.MODEL_FOR_SEQ_TO_SEQ_CAUSAL_LM_MAPPING_NAMES
    if not name:
        return model_type in masked, model_type in causal, model_type in decoding
    pretraining = name.endswith("ForPreTraining") and name not in _DISCRIMINATORS
    return (name in masked.values() or name.endswith("ForMaskedLM") or (pretraining and model_type in masked),
            name in causal.values() or name.endswith(("ForCausalLM", "LMHeadModel")), name in decoding.values())


def load_language_model(folder: Path) -> nn.Module:
    """Load a language model in float32, with the pre-training heads whose weights are in the folder.

    Raises:
        DataError: the folder holds no language model that jpt can train, or the weights of its head are missing.
    """
    import transformers

    objectives = trainable_objectives(folder) or objectives_for(MASKED)
    heads = _settings(folder).get("architectures") or [""]
    # Load the next-sentence head only if it was trained.
    name = "AutoModelForPreTraining" if heads[0] == "BertForPreTraining" else chosen(
        ObjectiveConfig(objectives[0])).model_class
    return load_weights(getattr(transformers, name), folder)


def load_causal_model(folder: Path) -> Any:
    """Load a language model that predicts the next token, of this project or of transformers, in float32.

    Raises:
        DataError: the folder holds a model of another kind, or the weights of its head are missing.
    """
    import transformers

    settings = _settings(folder)
    name, model_type = (settings.get("architectures") or [""])[0], read_model_type(folder)
    if ours := local_architecture(model_type):
        MODELS.check(ours, f"{folder}/config.json: model_type")
        causal = "causal" in objectives_for(ours) and (not name or name.endswith("ForCausalLM"))
    else:
        masked, causal, decodes = _has_head(name, model_type)
        causal = (causal and not masked or settings.get("is_decoder") is True) and not (
            decodes or settings.get("is_encoder_decoder"))
    model = load_weights(transformers.AutoModelForCausalLM, folder).eval() if causal else None
    if model is None or (not ours and _looks_ahead(model)):
        raise DataError(f"{folder} holds {name or model_type or 'no model'}, which is not a causal language model: it "
                        "does not predict the next token from those before it")
    return model


@torch.no_grad()
def _looks_ahead(model: nn.Module) -> bool:
    """Return whether the scores at a token depend on the next one, as in XLNet and XLM."""
    first, second = (model(input_ids=torch.tensor([[0, after]])).logits[0, 0] for after in (0, 1))
    return not torch.allclose(first, second, rtol=1e-4, atol=1e-5)


def load_weights(factory: Any, folder: Path, fresh_head: bool = False, **settings: Any) -> Any:
    """Load a model in float32 from safetensors.

    Transformers initialises missing weights at random; this function refuses missing weights except as stated below.

    Args:
        factory: AutoModel or another auto class.
        folder: the folder of the model.
        fresh_head: whether a missing head and pooler may be drawn from torch's current random state; otherwise only
            the pooler of an encoder without a head may.
        settings: further arguments of ``from_pretrained``.

    Raises:
        DataError: transformers cannot load it, or weights are missing.
    """
    quiet()
    register_auto_classes(folder)
    check_readable(folder)
    check_weights(folder, factory.__name__)
    with explained(factory, folder):
        model, found = factory.from_pretrained(folder, dtype=torch.float32, use_safetensors=True,
                                               trust_remote_code=False, output_loading_info=True, **settings)
    bare = model.base_model is model
    prefix = "" if bare else f"{model.base_model_prefix}."
    _check_layers(model, found["unexpected_keys"], folder)
    missing = sorted(name for name in found["missing_keys"] if not (bare or fresh_head) or (
        name.startswith(prefix) and "pooler" not in name.removeprefix(prefix).split(".")))
    if missing:
        part = "the encoder's weights" if missing[0].startswith(prefix) else f"the weights of {type(model).__name__}"
        raise DataError(f"{folder}: {len(missing)} of {part} are missing, {missing[0]} first")
    return model


def _check_layers(model: nn.Module, unexpected: Iterable[str], folder: Path) -> None:
    """Raise `DataError` if the folder has weights of more layers than its configuration states."""
    prefix = f"{model.base_model_prefix}."
    known = {_NUMBER.sub("#", name.removeprefix(prefix)) for name in model.state_dict() if _NUMBER.search(name)}
    extra = sorted(name for name in unexpected if _NUMBER.sub("#", name.removeprefix(prefix)) in known)
    if extra:
        raise DataError(f"{folder}: config.json says that there are fewer layers than there are weights of, such as "
                        f"{extra[0]}; it is damaged, or belongs to another model")


def check_weights(folder: Path, factory: str = "model") -> None:
    """Raise `DataError` if a folder has a model, but no weights as safetensors."""
    if not (folder / "config.json").is_file() or any(folder.glob("*.safetensors")):
        return
    other = sorted(path.name for pattern in _OTHER_WEIGHTS for path in folder.glob(pattern))
    if not other:
        raise DataError(f"{folder}: transformers loads no {factory} from it: there is no model.safetensors")
    name = ([*(_settings(folder).get("architectures") or []), "AutoModel"])[0]
    raise DataError(
        f"{folder} has weights only as {other[0]}; jpt reads model.safetensors alone, because a pickle can run code. "
        f"If you trust it, convert it once: python -c \"import transformers; "
        f"transformers.{name}.from_pretrained('{folder}').save_pretrained('{folder}')\"")


@contextmanager
def explained(factory: Any, folder: Path) -> Iterator[None]:
    """Turn exceptions of `factory` (of transformers) or of a weights file into a `DataError` that names the folder."""
    with raising_as(f"{folder}: transformers loads no {factory.__name__} from it"):
        yield


def save_language_model(model: nn.Module, folder: Path) -> None:
    """Write ``config.json`` and ``model.safetensors`` in the format of transformers."""
    quiet()
    on_cpu(model).save_pretrained(folder)  # type: ignore[operator]


def on_cpu(model: nn.Module) -> nn.Module:
    """Move a model to the CPU; safetensors cannot read the weights of an XLA device."""
    model.to("cpu")
    # Moving from XLA creates new parameters, so tied ones must be tied again.
    if hasattr(model, "tie_weights"):
        model.tie_weights()  # type: ignore[operator]
    return model


def quiet() -> None:
    """Turn off the progress bars and log messages of transformers; jpt shows its own progress."""
    from transformers.utils import logging

    logging.set_verbosity_error()
    logging.disable_progress_bar()


def _settings(folder: Path) -> dict:
    path = folder / "config.json"
    if not path.is_file():
        raise DataError(f"{folder} holds no language model: there is no config.json")
    found = read_object(path)
    names = found.get("architectures") or []
    if not (isinstance(names, list) and all(isinstance(name, str) for name in names)):
        raise DataError(f"{path} is damaged: architectures is not a list of names")
    return found
