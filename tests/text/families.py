"""Tiny tokenizers of transformers' families, made from the text of the toy corpus."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any

from tokenizers import Tokenizer, models, pre_tokenizers, trainers
from transformers import (
    AlbertTokenizer,
    BertTokenizerFast,
    DebertaV2Tokenizer,
    GPT2Tokenizer,
    LukeTokenizer,
    PreTrainedTokenizerFast,
    RobertaTokenizer,
    T5Tokenizer,
    XLMRobertaTokenizer,
)

from jptransfer.text.sentencepiece import SentencePieceTokenizer

MASK = {"mask_token": "<mask>"}


def byte_level(sentences: Sequence[str]) -> dict[str, Any]:
    """Vocabulary and merges of a byte-level BPE, as GPT-2, RoBERTa, Qwen and ModernBERT have them."""
    trained = Tokenizer(models.BPE())
    trained.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    special = ["<s>", "<pad>", "</s>", "<unk>", "<mask>", "<|endoftext|>"]
    trained.train_from_iterator(sentences, trainers.BpeTrainer(
        vocab_size=900, special_tokens=special, initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False))
    model = json.loads(trained.to_str())["model"]
    return {"vocab": model["vocab"], "merges": [tuple(pair) for pair in model["merges"]]}


def pieces(unigram: SentencePieceTokenizer, special: Sequence[str]) -> list[tuple[str, float]]:
    """Pieces and scores of a unigram model after special tokens of a family."""
    learned = zip(unigram.tokens[5:], unigram.scores[5:], strict=True)
    return [*((token, 0.0) for token in special), ("▁", -3.0), *((t, s) for t, s in learned if t != "▁")]


def modern_bert(sentences: Sequence[str]) -> Any:
    """A byte-level BPE without a class of its own, as ModernBERT's."""
    parts = byte_level(sentences)
    made = Tokenizer(models.BPE(parts["vocab"], parts["merges"]))
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    return PreTrainedTokenizerFast(tokenizer_object=made, cls_token="<s>", sep_token="</s>", pad_token="<pad>",
                                   unk_token="<unk>", mask_token="<mask>")


def families(unigram: SentencePieceTokenizer, vocabulary: str,
             sentences: Sequence[str]) -> dict[str, Callable[[], Any]]:
    """Return name -> what makes a tokenizer of that family."""
    s = ["<s>", "<pad>", "</s>", "<unk>"]
    return {
        "xlm-roberta": lambda: XLMRobertaTokenizer(vocab=[*pieces(unigram, s), ("<mask>", 0.0)]),
        "deberta-v2": lambda: DebertaV2Tokenizer(vocab=pieces(unigram, ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"])),
        "albert": lambda: AlbertTokenizer(vocab=pieces(unigram, ["<pad>", "<unk>", "[CLS]", "[SEP]", "[MASK]"])),
        "t5": lambda: T5Tokenizer(vocab=pieces(unigram, ["<pad>", "</s>", "<unk>"]), extra_ids=0,
                                  cls_token="</s>", sep_token="</s>", **MASK),
        "luke": lambda: LukeTokenizer(**byte_level(sentences), entity_vocab={
            "[PAD]": 0, "[UNK]": 1, "[MASK]": 2, "[MASK2]": 3}),
        "roberta": lambda: RobertaTokenizer(**byte_level(sentences)),
        "gpt2": lambda: GPT2Tokenizer(**byte_level(sentences), **MASK),
        "modernbert": lambda: modern_bert(sentences),
        "multilingual bert": lambda: BertTokenizerFast(vocabulary),
    }
