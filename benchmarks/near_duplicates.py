#!/usr/bin/env python
"""Near-duplicate removal: ours, datasketch and rensa (where installed) on the same paragraphs, in turns.

From a list of texts to a list of flags; CPU time, one thread each. Correctness first: of the planted copies whose exact
Jaccard similarity exceeds the threshold by .05, ours must find 99 %. All use 128 permutations of character 5-grams; the
peers are called as their documentation shows: n-grams, sketch, query, insert.
"""

from __future__ import annotations

import importlib.util
import random
import tempfile
from collections.abc import Callable
from pathlib import Path

from harness import compare, cpu_seconds, heading, in_turns, parser

from jptransfer.config import DeduplicationConfig, SourceConfig
from jptransfer.corpora.duplicates import near_duplicates
from jptransfer.corpora.error_policy import ErrorPolicy
from jptransfer.registry import SOURCES

NGRAM, PERMUTATIONS, THRESHOLD = 5, 128, 0.8


def paragraphs(path: str, count: int, rng: random.Random) -> list[str]:
    """Return `count` distinct paragraphs of 60 characters or more, from a text file or made up."""
    if path:
        documents = SOURCES.load("text")(SourceConfig(path=path), ErrorPolicy())
        found = {line for document in documents for line in document if len(line) >= 60}
        return rng.sample(sorted(found), min(count, len(found)))
    letters = [chr(code) for code in (*range(0x3042, 0x3094), *range(0x4E00, 0x5200))]
    return ["".join(rng.choices(letters, k=rng.randint(60, 160))) for _ in range(count)]


def edited(text: str, rng: random.Random) -> str:
    characters = list(text)
    for place in rng.sample(range(len(text)), rng.randint(0, 2)):
        characters[place] = rng.choice("改変訂正")
    return "".join(characters)


def shingles(text: str) -> set[str]:
    return {text[i:i + NGRAM] for i in range(len(text) - NGRAM + 1)}


def jaccard(a: str, b: str) -> float:
    return len(shingles(a) & shingles(b)) / len(shingles(a) | shingles(b))


def ours(texts: list[str]) -> list[bool]:
    config = DeduplicationConfig(near=True, ngram=NGRAM, permutations=PERMUTATIONS, threshold=THRESHOLD)
    pieces = (texts[i:i + 2048] for i in range(0, len(texts), 2048))
    with tempfile.TemporaryDirectory() as folder:
        return near_duplicates(pieces, config, Path(folder)).tolist()


def datasketch(texts: list[str]) -> list[bool]:
    from datasketch import MinHash, MinHashLSH

    index, repeated = MinHashLSH(threshold=THRESHOLD, num_perm=PERMUTATIONS), []
    sets = ([piece.encode() for piece in shingles(text)] for text in texts)
    for number, sketch in enumerate(MinHash.generator(sets, num_perm=PERMUTATIONS)):
        repeated.append(bool(index.query(sketch)))
        index.insert(number, sketch)
    return repeated


def rensa(texts: list[str]) -> list[bool]:
    from rensa import RMinHash, RMinHashLSH

    index, repeated = RMinHashLSH(threshold=THRESHOLD, num_perm=PERMUTATIONS, num_bands=16), []
    for number, text in enumerate(texts):
        sketch = RMinHash(num_perm=PERMUTATIONS, seed=0)
        sketch.update(list(shingles(text)))
        repeated.append(bool(index.query(sketch)))
        index.insert(number, sketch)
    return repeated


def main() -> None:
    made = parser(__doc__, rounds=5)
    made.add_argument("--text", default="", help="file of sentences, one a line; none: made up")
    made.add_argument("--count", type=int, default=40_000, help="paragraphs, before copies are planted")
    arguments = made.parse_args()
    rng = random.Random(0)
    originals = paragraphs(arguments.text, arguments.count, rng)
    copies = [(text, edited(text, rng)) for text in rng.sample(originals, len(originals) // 5)]
    texts = originals + [copy for _, copy in copies]
    runs = {"ours": ours, "datasketch": datasketch}
    if importlib.util.find_spec("rensa"):
        runs["rensa"] = rensa
    recalls = {name: recall(run(texts), copies) for name, run in runs.items()}
    if recalls["ours"] < 0.99:
        raise SystemExit(f"recall {recalls['ours']:.4f} is below .99: the ratio would mean nothing")
    heading(f"{len(texts):,} paragraphs, CPU time of one thread; recall "
            + ", ".join(f"{name} {value:.4f}" for name, value in recalls.items()))

    def rate(run: Callable[[list[str]], list[bool]]) -> float:
        return len(texts) / cpu_seconds(lambda: run(texts))

    rates = in_turns({name: (lambda run=run: rate(run)) for name, run in runs.items()}, arguments.rounds)
    mine = rates.pop("ours")
    for name, values in rates.items():
        compare("near-duplicates", "paragraphs/s", mine, name, values)


def recall(found: list[bool], copies: list[tuple[str, str]]) -> float:
    """Return the share of clear copies that were found; copies stand after the originals."""
    originals = len(found) - len(copies)
    clear = [found[originals + number] for number, pair in enumerate(copies) if jaccard(*pair) >= THRESHOLD + 0.05]
    return sum(clear) / len(clear)


if __name__ == "__main__":
    main()
