"""Registry rows of tokenizers `unigram` and `bpe`, which have no settings of their own."""

from __future__ import annotations

from jptransfer.registry import TOKENIZERS

TOKENIZERS.add("unigram", "jptransfer.text.sentencepiece:SentencePieceTokenizer",
               "SentencePiece unigram language model", vocab_size=True, alphabet_coverage=True)
TOKENIZERS.add("bpe", "jptransfer.text.sentencepiece:SentencePieceTokenizer", "SentencePiece byte-pair encoding",
               vocab_size=True, alphabet_coverage=True)
