"""A small tagger, its tokenizer, and batches of words."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import nn

from jptransfer.config import HeadConfig, ModelConfig, Segmentation, SegmenterConfig, TokenizerConfig
from jptransfer.learners.task_data import collate
from jptransfer.models.encoders.bilstm_tagger_settings import BilstmTaggerModelConfig
from jptransfer.models.layers.word_rows import set_char_vocab
from jptransfer.models.task_models import fresh_head
from jptransfer.registry import MODELS
from jptransfer.tasks.base import Level, Limits
from jptransfer.tasks.ner import EntityExample, EntityRecognition
from jptransfer.text.tokenizers import train_tokenizer
from jptransfer.text.views_settings import CharacterView, ViewsConfig

TEXTS = ["Anna lives in Rome", "Bob and Anna saw a cat", "Rome is old", "a b c", "Tokyo Tower"]
LABELS = ["LOC", "PER"]
SIZE = BilstmTaggerModelConfig(width=5, hidden=7, char_width=4, char_hidden=3)


def words_tokenizer(texts: Sequence[str] = TEXTS, view: CharacterView = CharacterView.bigrams):
    """Words between spaces, lowercased, each with its characters as they are written."""
    segmenter = SegmenterConfig(Segmentation.whitespace)
    return train_tokenizer(TokenizerConfig(kind="views", vocab_size=200, min_frequency=1, lowercase=True,
                                           segmenter=segmenter, views=ViewsConfig(view)), list(texts))


def tagger(tokenizer, head: HeadConfig | str = "", labels: Sequence[str] = LABELS, seed: int = 0,
           size: BilstmTaggerModelConfig = SIZE) -> nn.Module:
    config = ModelConfig("bilstm_tagger", bilstm_tagger=size)
    made = MODELS.load("bilstm_tagger")(config, tokenizer.vocab_size, tokenizer.pad_id)
    outputs = EntityRecognition(list(labels)).outputs
    head = HeadConfig(head, dropout=0.0) if isinstance(head, str) else head
    return fresh_head(set_char_vocab(made, tokenizer), EntityRecognition.output, outputs, head, seed)


def features(tokenizer, texts: Sequence[str], labels: Sequence[str] = LABELS, max_length: int = 512):
    examples = [EntityExample(str(number), text, ()) for number, text in enumerate(texts)]
    return EntityRecognition(list(labels)).encode(examples, tokenizer, Limits(max_length))


def inputs(tokenizer, texts: Sequence[str]) -> dict[str, torch.Tensor]:
    batch = collate(features(tokenizer, texts), Level.token, tokenizer.pad_id)
    batch.pop("labels")
    return batch
