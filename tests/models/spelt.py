"""Small models over words and their bytes, and batches for them."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import torch
from torch import nn

from jptransfer.config import ModelConfig, ObjectiveConfig
from jptransfer.models.encoders.elmo_settings import ElmoModelConfig
from jptransfer.models.pretrained import fresh_configuration, fresh_language_model
from jptransfer.text.types import Template

WORDS = 30
VOCAB = WORDS + 257
TOKENIZER = SimpleNamespace(pad_id=0, unk_id=1, cls_id=2, sep_id=3, mask_id=4, vocab_size=VOCAB,
                            template=Template.of_bert(2, 3), first_character=WORDS)
SIZE = {"character_width": 4, "max_characters": 12, "widths": [1, 2, 3], "filters": [3, 4, 5], "highways": 2,
        "layers": 2, "hidden": 7, "projection": 5, "cell_clip": 3.0, "projection_clip": 3.0, "dropout": 0.0}


def model_config(**changes) -> ModelConfig:
    return ModelConfig("elmo", elmo=ElmoModelConfig(**SIZE | changes))


def language_model(seed: int = 0, **changes) -> nn.Module:
    torch.manual_seed(seed)
    made = fresh_configuration(model_config(**changes), TOKENIZER)
    return fresh_language_model(made, ObjectiveConfig("bilm")).eval()


def word(index: int, spelling: str | bytes) -> list[int]:
    """The ids of a word: its own and those of its bytes."""
    data = spelling.encode() if isinstance(spelling, str) else spelling
    return [index, *(WORDS + 1 + byte for byte in data)]


def random_words(count: int, seed: int = 0, longest: int = 13) -> list[list[int]]:
    """Words of the vocabulary or unknown ones; the spelling follows from the word and a little chance."""
    random = np.random.default_rng(seed)
    indices = random.integers(5, WORDS, count)
    indices[random.random(count) < 0.1] = TOKENIZER.unk_id
    return [word(int(index), bytes([65 + int(index)] * int(length)))
            for index, length in zip(indices, random.integers(1, longest, count), strict=True)]


def text(count: int, seed: int = 0) -> list[int]:
    """A framed text of random words."""
    return [2, *(index for one in random_words(count, seed) for index in one), 3]


def batch(*texts: list[int], longest: int = 0) -> dict[str, torch.Tensor]:
    """The padded ids of texts and their mask."""
    width = max([longest, *map(len, texts)])
    ids = torch.tensor([row + [0] * (width - len(row)) for row in texts])
    mask = torch.tensor([[1] * len(row) + [0] * (width - len(row)) for row in texts])
    return {"input_ids": ids, "attention_mask": mask}
