"""Stage tokenize: train a tokenizer on a corpus, or fetch one."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import numpy as np

from jptransfer.runtime import Runtime
from jptransfer.stages import Inputs, Summary, TokenizeStage
from jptransfer.text.tokenizers import train_tokenizer
from jptransfer.text.types import Tokenizer

DEV_SENTENCES = 10_000
"""Sentences of the validation split that the summary's rates come from."""


def run(config: TokenizeStage, inputs: Inputs, out: Path, runtime: Runtime) -> Summary:
    """Train (or fetch) the tokenizer and measure it on the corpus' validation split."""
    corpus = inputs.get("corpus")
    sentences = _sentences(corpus / "train.txt") if corpus else iter(())
    tokenizer = train_tokenizer(config.tokenizer, runtime.track(sentences, "read corpus"))
    tokenizer.save(out)
    values = {"vocab_size": tokenizer.vocab_size} | (measure(tokenizer, corpus) if corpus else {})
    rates = f", {values['characters_per_token']:.2f} characters a token, {values['unknown_rate']:.2%} unknown" \
        if "unknown_rate" in values else ""
    return Summary(f"{config.tokenizer.kind}, {tokenizer.vocab_size:,} units{rates}", values)


def measure(tokenizer: Tokenizer, corpus: Path) -> dict[str, float]:
    """Return unknown rate and characters per token on held-out text (the training split where there is none)."""
    for split in ("validation", "train"):
        path = corpus / f"{split}.txt"
        lines = list(islice(_sentences(path), DEV_SENTENCES)) if path.is_file() else []
        ids = tokenizer.encode_lines(lines).ids
        if len(ids):
            return {"unknown_rate": float(np.mean(ids == tokenizer.unk_id)),
                    "characters_per_token": sum(map(len, lines)) / len(ids)}
    return {}


def _sentences(path: Path) -> Iterator[str]:
    with path.open(encoding="utf-8", newline="\n") as stream:
        for line in stream:
            if text := line.rstrip("\n"):
                yield text
