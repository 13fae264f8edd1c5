"""The door to all tokenizers: train one from a configuration, load one from a folder."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from random import Random

from jptransfer.config import TokenizerConfig
from jptransfer.errors import raising_as
from jptransfer.registry import TOKENIZERS
from jptransfer.text.base import DESCRIPTION, read_settings
from jptransfer.text.types import Tokenizer


def load_tokenizer(folder: Path) -> Tokenizer:
    """Load a tokenizer that `Tokenizer.save` wrote, or any folder that transformers' AutoTokenizer reads.

    Needs neither MeCab nor its dictionary until text is cut.

    Raises:
        DataError: the folder holds no tokenizer.
    """
    folder = Path(folder)
    if not (folder / DESCRIPTION).exists():
        with raising_as(f"{folder}: transformers loads no tokenizer from it"):
            return TOKENIZERS.load("pretrained").load(folder)
    settings = read_settings(folder)
    TOKENIZERS.check(settings.kind, f"{folder / DESCRIPTION}: kind")
    with raising_as(f"{folder}: its tokenizer cannot be loaded"):
        return TOKENIZERS.load(settings.kind).load(folder, settings)


def train_tokenizer(config: TokenizerConfig, sentences: Iterable[str] = ()) -> Tokenizer:
    """Train a tokenizer on a seeded sample of `sentences`, or fetch a pretrained one (which reads none).

    Raises:
        ConfigError: a dictionary is missing, or the vocabulary asked for cannot be made from this text.
    """
    tokenizer = TOKENIZERS.load(config.kind)
    return tokenizer.train(config, sample(sentences, config.max_sentences, config.seed))


def sample(sentences: Iterable[str], size: int, seed: int) -> list[str]:
    """Return `size` of the sentences in their order, each subset equally likely (Vitter 1985, algorithm R)."""
    random = Random(seed)
    kept: list[tuple[int, str]] = []
    for number, sentence in enumerate(sentences):
        if len(kept) < size:
            kept.append((number, sentence))
        elif (place := int(random.random() * (number + 1))) < size:
            kept[place] = (number, sentence)
    return [sentence for _, sentence in sorted(kept)]
