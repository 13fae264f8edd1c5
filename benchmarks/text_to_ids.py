"""Text to ids on one core: ours against transformers' BertJapaneseTokenizer, in turns, identical ids demanded first.

python benchmarks/text_to_ids.py TEXT [--sentences N] [--rounds R] [--vocab-size V]

TEXT has one sentence a line (.xz and .gz are opened). The tokenizer is trained on the sentences themselves; the text is
read in after that, and the memory of known words starts empty in every round.
"""

from __future__ import annotations

import argparse
import gzip
import lzma
import os
import statistics
import tempfile
import time
from collections.abc import Callable
from functools import partial
from itertools import islice
from pathlib import Path

os.environ["TOKENIZERS_PARALLELISM"] = "false"

BLOCK = 1000


def main() -> None:
    arguments = parse()
    from transformers import AutoTokenizer

    from jptransfer.config import TokenizerConfig
    from jptransfer.text.tokenizers import load_tokenizer, train_tokenizer

    sentences = read(arguments.text, arguments.sentences)
    size = sum(len(sentence.encode()) for sentence in sentences) / 1e6
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        train_tokenizer(TokenizerConfig(vocab_size=arguments.vocab_size), sentences).save(folder)
        peer = AutoTokenizer.from_pretrained(folder)
        ours: dict[str, list[float]] = {}
        theirs: list[float] = []
        assert ids_of(load_tokenizer(folder), sentences) == [peer_ids(peer, sentence) for sentence in sentences]
        for _ in range(arguments.rounds):
            theirs.append(seconds(lambda: [peer_ids(peer, sentence) for sentence in sentences]))
            tokenizer = load_tokenizer(folder)
            tokenizer.encode_lines(["辞書"])  # the peer has its dictionary open, too
            for label in ("words not known yet", "words known"):
                ours.setdefault(label, []).append(seconds(partial(encode, tokenizer, sentences)))
    print(f"{len(sentences):,} sentences, {size:.1f} MB; identical ids; {arguments.rounds} rounds in turns, CPU time")
    print(f"transformers                {size / statistics.median(theirs):6.2f} MB/s")
    for label, times in ours.items():
        ratios = sorted(peer_time / time for peer_time, time in zip(theirs, times, strict=True))
        print(f"ours, {label:20}  {size / statistics.median(times):6.2f} MB/s   {statistics.median(ratios):.2f}x "
              f"({ratios[0]:.2f} to {ratios[-1]:.2f})")


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("text", type=Path)
    parser.add_argument("--sentences", type=int, default=30_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--vocab-size", type=int, default=8000)
    return parser.parse_args()


def read(path: Path, count: int) -> list[str]:
    opener = {".xz": lzma.open, ".gz": gzip.open}.get(path.suffix, open)
    with opener(path, "rt", encoding="utf-8") as stream:
        return list(islice((line.rstrip("\n") for line in stream if line.strip()), count))


def peer_ids(peer, sentence: str) -> list[int]:
    return peer.convert_tokens_to_ids(peer.tokenize(sentence))


def encode(tokenizer, sentences: list[str]) -> list:
    return [tokenizer.encode_lines(sentences[start:start + BLOCK]) for start in range(0, len(sentences), BLOCK)]


def ids_of(tokenizer, sentences: list[str]) -> list[list[int]]:
    """Ids sentence by sentence, as the peer gives them."""
    found: list[list[int]] = []
    for block in encode(tokenizer, sentences):
        ends = block.lengths.cumsum().tolist()
        lengths = block.lengths.tolist()
        found += [block.ids[end - length:end].tolist() for end, length in zip(ends, lengths, strict=True)]
    return found


def seconds(work: Callable[[], object]) -> float:
    """CPU seconds of this process, which other programs on the machine disturb least."""
    start = time.process_time()
    work()
    return time.process_time() - start


if __name__ == "__main__":
    main()
