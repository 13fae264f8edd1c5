"""Registry row of tokenizer `wordpiece`, which has no settings of its own."""

from __future__ import annotations

from jptransfer.registry import TOKENIZERS

TOKENIZERS.add("wordpiece", "jptransfer.text.wordpiece:WordPieceTokenizer",
               "MeCab words, then WordPiece; a Japanese BERT tokenizer", words="mecab", vocab_size=True,
               min_frequency=True, alphabet_coverage=True)
