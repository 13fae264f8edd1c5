"""Text to ids on one core: ours against transformers' BertJapaneseTokenizer, in turns, identical ids demanded first.

python benchmarks/text_to_ids.py TEXT [--sentences N] [--rounds R] [--vocab-size V]

TEXT has one sentence a line (.xz and .gz are opened). The tokenizer is trained on the sentences themselves; the text is
read in after that, and the memory of known words starts empty in every round.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

from harness import compare, cpu_seconds, heading, in_turns, parser, sentences_of, train_wordpiece

BLOCK = 1000


def main() -> None:
    arguments = parse()
    from transformers import AutoTokenizer

    from jptransfer.text.tokenizers import load_tokenizer

    sentences = sentences_of(arguments.text, arguments.sentences)
    size = sum(len(sentence.encode()) for sentence in sentences) / 1e6
    with tempfile.TemporaryDirectory() as name:
        folder = train_wordpiece(sentences, Path(name), arguments.vocab_size)
        peer = AutoTokenizer.from_pretrained(folder)
        assert ids_of(load_tokenizer(folder), sentences) == [peer_ids(peer, sentence) for sentence in sentences]
        tokenizer = load_tokenizer(folder)

        def first_pass() -> float:
            nonlocal tokenizer
            tokenizer = load_tokenizer(folder)
            tokenizer.encode_lines(["辞書"])  # the peer has its dictionary open, too
            return size / cpu_seconds(lambda: encode(tokenizer, sentences))

        heading(f"{len(sentences):,} sentences, {size:.1f} MB, CPU time of one process; identical ids demanded first")
        rates = in_turns({
            "peer": lambda: size / cpu_seconds(lambda: [peer_ids(peer, sentence) for sentence in sentences]),
            "first pass (the memo of words starts empty)": first_pass,
            "second pass over the same text (every word known)":
                lambda: size / cpu_seconds(lambda: encode(tokenizer, sentences)),
        }, arguments.rounds)
    theirs = rates.pop("peer")
    for label, values in rates.items():
        compare(label, "MB/s", values, "transformers BertJapaneseTokenizer", theirs)


def parse() -> argparse.Namespace:
    made = parser(__doc__, rounds=5)
    made.add_argument("text", type=Path)
    made.add_argument("--sentences", type=int, default=30_000)
    made.add_argument("--vocab-size", type=int, default=8000)
    return made.parse_args()


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


if __name__ == "__main__":
    main()
