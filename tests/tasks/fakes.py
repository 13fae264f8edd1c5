"""A tokenizer small enough to work out by hand: pieces of at most two characters, white space cuts and vanishes."""

from __future__ import annotations

import re

import numpy as np

from jptransfer.text.types import Encoding, IdBlock, Template


class PairTokenizer:
    """Ids are the code points' sum above 10; each run without white space is a word."""

    pad_id, unk_id, cls_id, sep_id, mask_id = range(5)
    template = Template.of_bert(cls_id, sep_id)

    def encode(self, text: str) -> Encoding:
        words = [match.span() for match in re.finditer(r"\S+", text)]
        return self.encode_words([text[a:b] for a, b in words], [a for a, _ in words])

    def encode_words(self, words, starts=None) -> Encoding:
        starts = starts or np.cumsum([0, *map(len, words)])[:-1].tolist()
        spans = [(number, start + i, start + min(i + 2, len(word)), word[i:i + 2])
                 for number, (word, start) in enumerate(zip(words, starts, strict=True))
                 for i in range(0, len(word), 2)]
        return Encoding([10 + sum(map(ord, piece)) for *_, piece in spans], [(a, b) for _, a, b, _ in spans],
                        [number for number, *_ in spans])

    def encode_lines(self, lines) -> IdBlock:
        pieces = [self.encode(line) for line in lines]
        ids = np.array([id for one in pieces for id in one.ids], np.uint32)
        return IdBlock(ids, np.zeros(len(ids), bool), np.array([len(one) for one in pieces], np.int64))
