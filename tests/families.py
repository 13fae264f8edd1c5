"""A tiny model with random weights and a tiny tokenizer for each family of transformers, made by transformers alone."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import tokenizers as tk
import torch
import transformers as tf

from tests.small import entity_examples, polarity_examples

POSITIONS = 40
"""Positions that an encoder with learnt positions can use."""
TINY = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 32}
EXTRA = ["English words too.", "ｶﾞｽとﾊﾟﾝ", "👨‍👩‍👧家族", "か\u3099き", "東京 大阪　京都", "e\u0301tude"]


def texts() -> list[str]:
    """Texts that the tokenizers are trained on."""
    return [*(one.text for one in (*polarity_examples(), *entity_examples())), *EXTRA]


@cache
def pieces(first: tuple[str, ...]) -> list[tuple[str, float]]:
    """Return pieces of a unigram model with their scores, those in `first` first."""
    made = tk.Tokenizer(tk.models.Unigram())
    made.pre_tokenizer = tk.pre_tokenizers.Metaspace()
    made.train_from_iterator(texts(), tk.trainers.UnigramTrainer(
        vocab_size=300, special_tokens=["<unk>"], unk_token="<unk>", show_progress=False))
    known = [(piece, score) for piece, score in _model(made)["vocab"] if piece != "<unk>"]
    return [*((piece, 0.0) for piece in first), *known]


@cache
def byte_pairs(first: tuple[str, ...]) -> tuple[dict[str, int], list[tuple[str, str]]]:
    """Return vocabulary and merges of a byte-level BPE, the tokens in `first` first."""
    made = tk.Tokenizer(tk.models.BPE())
    made.pre_tokenizer = tk.pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.train_from_iterator(texts(), tk.trainers.BpeTrainer(
        vocab_size=400, initial_alphabet=tk.pre_tokenizers.ByteLevel.alphabet(), show_progress=False))
    return _pairs(made, first)


@cache
def metaspace_pairs(first: tuple[str, ...]) -> tuple[dict[str, int], list[tuple[str, str]]]:
    """Return vocabulary and merges of a BPE with bytes to fall back to, as Llama has it."""
    made = tk.Tokenizer(tk.models.BPE())
    made.pre_tokenizer = tk.pre_tokenizers.Metaspace(split=False)
    made.train_from_iterator(texts(), tk.trainers.BpeTrainer(vocab_size=300, show_progress=False))
    return _pairs(made, (*first, *(f"<0x{byte:02X}>" for byte in range(256))))


def _pairs(made: tk.Tokenizer, first: tuple[str, ...]) -> tuple[dict[str, int], list[tuple[str, str]]]:
    model = _model(made)
    known = sorted(model["vocab"], key=model["vocab"].get)
    merges = [tuple(pair.split(" ")) if isinstance(pair, str) else tuple(pair) for pair in model["merges"]]
    return {token: index for index, token in enumerate((*first, *known))}, merges


@cache
def word_pieces() -> dict[str, int]:
    """Return the vocabulary of a WordPiece model."""
    made = tk.Tokenizer(tk.models.WordPiece(unk_token="[UNK]"))
    made.pre_tokenizer = tk.pre_tokenizers.BertPreTokenizer()
    made.train_from_iterator(texts(), tk.trainers.WordPieceTrainer(
        vocab_size=300, special_tokens=["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"], show_progress=False))
    return dict(_model(made)["vocab"])


def _model(made: tk.Tokenizer) -> dict[str, Any]:
    import json

    return json.loads(made.to_str())["model"]


@dataclass(frozen=True)
class Family:
    """One family: its tokenizer, its configuration for a vocabulary, its language model.

    Attributes:
        tokenizer, model: without arguments; with the number of units.
        limit: most tokens of an input, special tokens included; None: any number.
        saves_tokenizer: whether the tokenizer has files.
    """

    tokenizer: Callable[[], Any]
    model: Callable[[int], Any]
    limit: int | None = None
    saves_tokenizer: bool = True

    def save(self, folder: Path) -> Path:
        """Write model and tokenizer as transformers does."""
        torch.manual_seed(1)
        units = self.tokenizer()
        model = self.model(len(units))
        with torch.no_grad():  # random, but large enough to tell inputs apart
            for name, value in model.named_parameters():
                if value.ndim > 1 and "embed" not in name:
                    value.mul_(4.0)
        model.save_pretrained(folder)
        if self.saves_tokenizer:
            units.save_pretrained(folder)
        return folder


def _bpe(kind: Any, *first: str, **settings: Any) -> Callable[[], Any]:
    def make() -> Any:
        vocabulary, merges = byte_pairs(first)
        return kind(vocab=dict(vocabulary), merges=list(merges), **settings)

    return make


def _spm(kind: Any, *first: str, **settings: Any) -> Callable[[], Any]:
    return lambda: kind(vocab=list(pieces(first)), **settings)


def _llama() -> Any:
    vocabulary, merges = metaspace_pairs(("<unk>", "<s>", "</s>"))
    return tf.LlamaTokenizer(vocab=dict(vocabulary), merges=list(merges))


def _modernbert() -> Any:
    vocabulary, merges = byte_pairs(("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"))
    made = tk.Tokenizer(tk.models.BPE(vocab=dict(vocabulary), merges=list(merges)))
    made.normalizer = tk.normalizers.NFC()
    made.pre_tokenizer = tk.pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.post_processor = tk.processors.TemplateProcessing(
        single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)])
    return tf.PreTrainedTokenizerFast(
        tokenizer_object=made, pad_token="[PAD]", unk_token="[UNK]", cls_token="[CLS]", sep_token="[SEP]",
        mask_token="[MASK]", model_input_names=["input_ids", "attention_mask"])


def _bert(**settings: Any) -> Callable[[], Any]:
    return lambda: tf.BertTokenizer(vocab=dict(word_pieces()), **settings)


BART = ("<s>", "<pad>", "</s>", "<unk>", "<mask>")
ALBERT = ("<pad>", "<unk>", "[CLS]", "[SEP]", "[MASK]")
T5 = {"d_model": 16, "d_kv": 8, "d_ff": 32, "num_layers": 2, "num_heads": 2, "decoder_start_token_id": 0}
DECODER = {**TINY, "num_key_value_heads": 2, "max_position_embeddings": 64}

FAMILIES: dict[str, Family] = {
    "bert": Family(_bert(do_lower_case=False), lambda n: tf.BertForMaskedLM(tf.BertConfig(
        vocab_size=n, max_position_embeddings=POSITIONS, **TINY)), POSITIONS),
    "bert, lower case": Family(_bert(do_lower_case=True), lambda n: tf.BertForMaskedLM(tf.BertConfig(
        vocab_size=n, max_position_embeddings=POSITIONS, **TINY)), POSITIONS),
    "roberta": Family(_bpe(tf.RobertaTokenizer, *BART), lambda n: tf.RobertaForMaskedLM(tf.RobertaConfig(
        vocab_size=n, max_position_embeddings=POSITIONS + 2, **TINY)), POSITIONS),
    "xlm-roberta": Family(_spm(tf.XLMRobertaTokenizer, *BART), lambda n: tf.XLMRobertaForMaskedLM(tf.XLMRobertaConfig(
        vocab_size=n, max_position_embeddings=POSITIONS + 2, **TINY)), POSITIONS),
    "camembert": Family(
        _spm(tf.CamembertTokenizer, "<s>NOTUSED", "<pad>", "</s>NOTUSED", "<unk>", "<unk>NOTUSED", "<s>", "</s>",
             "<mask>"),
        lambda n: tf.CamembertForMaskedLM(tf.CamembertConfig(
            vocab_size=n, max_position_embeddings=POSITIONS + 2, bos_token_id=5, eos_token_id=6, **TINY)), POSITIONS),
    "longformer": Family(_bpe(tf.RobertaTokenizer, *BART), lambda n: tf.LongformerForMaskedLM(tf.LongformerConfig(
        vocab_size=n, max_position_embeddings=POSITIONS + 2, attention_window=8, **TINY)), POSITIONS),
    "electra": Family(_bert(), lambda n: tf.ElectraForMaskedLM(tf.ElectraConfig(
        vocab_size=n, max_position_embeddings=POSITIONS, embedding_size=16, **TINY)), POSITIONS),
    "distilbert": Family(_bert(), lambda n: tf.DistilBertForMaskedLM(tf.DistilBertConfig(
        vocab_size=n, dim=16, n_layers=2, n_heads=2, hidden_dim=32, max_position_embeddings=POSITIONS)), POSITIONS),
    "albert": Family(_spm(tf.AlbertTokenizer, *ALBERT), lambda n: tf.AlbertForMaskedLM(tf.AlbertConfig(
        vocab_size=n, max_position_embeddings=POSITIONS, embedding_size=16, **TINY)), POSITIONS),
    "deberta": Family(
        _bpe(tf.DebertaTokenizer, "[PAD]", "[CLS]", "[SEP]", "[UNK]", "[MASK]"),
        lambda n: tf.DebertaForMaskedLM(tf.DebertaConfig(
            vocab_size=n, max_position_embeddings=POSITIONS, relative_attention=True, max_relative_positions=16,
            pos_att_type=["c2p", "p2c"], **TINY)), POSITIONS),
    "deberta-v2": Family(
        _spm(tf.DebertaV2Tokenizer, "[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"),
        lambda n: tf.DebertaV2ForMaskedLM(tf.DebertaV2Config(
            vocab_size=n, max_position_embeddings=POSITIONS, relative_attention=True, position_biased_input=False,
            position_buckets=8, pos_att_type=["c2p", "p2c"], share_att_key=True, norm_rel_ebd="layer_norm", **TINY)),
        POSITIONS),
    "modernbert": Family(_modernbert, lambda n: tf.ModernBertForMaskedLM(tf.ModernBertConfig(
        vocab_size=n, max_position_embeddings=POSITIONS, pad_token_id=0, cls_token_id=2, sep_token_id=3, bos_token_id=2,
        eos_token_id=3, local_attention=8, **TINY)), POSITIONS),
    "luke": Family(_bpe(tf.LukeTokenizer, *BART), lambda n: tf.LukeForMaskedLM(tf.LukeConfig(
        vocab_size=n, entity_vocab_size=8, entity_emb_size=16, max_position_embeddings=POSITIONS + 2, **TINY)),
        POSITIONS),
    "mluke": Family(_spm(tf.MLukeTokenizer, *BART), lambda n: tf.LukeForMaskedLM(tf.LukeConfig(
        vocab_size=n, entity_vocab_size=8, entity_emb_size=16, max_position_embeddings=POSITIONS + 2, **TINY)),
        POSITIONS),
    "xlnet": Family(
        _spm(tf.XLNetTokenizer, "<unk>", "<s>", "</s>", "<cls>", "<sep>", "<pad>", "<mask>", "<eod>", "<eop>"),
        lambda n: tf.XLNetLMHeadModel(tf.XLNetConfig(vocab_size=n, d_model=16, n_layer=2, n_head=2, d_inner=32))),
    "funnel": Family(
        lambda: tf.FunnelTokenizer(vocab={"<pad>": 0, "<unk>": 1, "<cls>": 2, "<sep>": 3, "<mask>": 4, "<s>": 5,
                                          "</s>": 6} | {token: index + 2 for token, index in word_pieces().items()
                                                        if index > 4}),
        lambda n: tf.FunnelForMaskedLM(tf.FunnelConfig(
            vocab_size=n, block_sizes=[1, 1], d_model=16, n_head=2, d_head=8, d_inner=32, num_decoder_layers=1))),
    "bart": Family(_bpe(tf.RobertaTokenizer, *BART), lambda n: tf.BartForConditionalGeneration(tf.BartConfig(
        vocab_size=n, d_model=16, encoder_layers=2, decoder_layers=2, encoder_attention_heads=2,
        decoder_attention_heads=2, encoder_ffn_dim=32, decoder_ffn_dim=32, max_position_embeddings=POSITIONS)),
        POSITIONS),
    "t5": Family(_spm(tf.T5Tokenizer, "<pad>", "</s>", "<unk>", extra_ids=4),
                 lambda n: tf.T5ForConditionalGeneration(tf.T5Config(vocab_size=n, **T5))),
    "mt5": Family(_spm(tf.T5Tokenizer, "<pad>", "</s>", "<unk>", extra_ids=4),
                  lambda n: tf.MT5ForConditionalGeneration(tf.MT5Config(vocab_size=n, **T5))),
    "byt5": Family(lambda: tf.ByT5Tokenizer(),
                   lambda n: tf.T5ForConditionalGeneration(tf.T5Config(vocab_size=384, **T5))),
    "canine": Family(lambda: tf.CanineTokenizer(), lambda n: tf.CanineModel(tf.CanineConfig(
        max_position_embeddings=128, num_hash_buckets=64, num_hash_functions=2, local_transformer_stride=16, **TINY)),
        64, saves_tokenizer=False),
    "gpt2": Family(_bpe(tf.GPT2Tokenizer, "<|endoftext|>"), lambda n: tf.GPT2LMHeadModel(tf.GPT2Config(
        vocab_size=n, n_embd=16, n_layer=2, n_head=2, n_positions=POSITIONS, bos_token_id=0, eos_token_id=0)),
        POSITIONS),
    "gpt-neox": Family(
        _bpe(tf.GPTNeoXTokenizer, "<|endoftext|>", "<|padding|>"),
        lambda n: tf.GPTNeoXForCausalLM(tf.GPTNeoXConfig(
            vocab_size=n, max_position_embeddings=64, bos_token_id=0, eos_token_id=0, **TINY)), 64),
    "llama": Family(_llama, lambda n: tf.LlamaForCausalLM(tf.LlamaConfig(vocab_size=n, **DECODER)), 64),
    "qwen2": Family(_bpe(tf.Qwen2Tokenizer, "<|endoftext|>"),
                    lambda n: tf.Qwen2ForCausalLM(tf.Qwen2Config(vocab_size=n, **DECODER)), 64),
    "qwen3": Family(_bpe(tf.Qwen2Tokenizer, "<|endoftext|>"),
                    lambda n: tf.Qwen3ForCausalLM(tf.Qwen3Config(vocab_size=n, head_dim=8, **DECODER)), 64),
    "mamba": Family(
        _bpe(tf.GPTNeoXTokenizer, "<|endoftext|>", "<|padding|>"),
        lambda n: tf.MambaForCausalLM(tf.MambaConfig(
            vocab_size=n, hidden_size=16, num_hidden_layers=2, state_size=4, pad_token_id=1, bos_token_id=0,
            eos_token_id=0))),
}
