"""Raw text to packed ids on two processes: ours against the steps of transformers' run_mlm.py, in turns.

python benchmarks/corpus_to_batches.py TEXT [--megabytes 16] [--workers 2] [--rounds 3] [--cpu]

TEXT has one sentence a line (.xz and .gz are opened). Ours: stage encode, then packed sequences over its memory map.
The peer: load_dataset("text"), map(tokenizer), map(group_texts), with BertJapaneseTokenizer and an empty cache each
time. Before that all ids of the text, special tokens aside, must be equal. Wall time, or, for a machine that does other
work, CPU seconds of all processes together; both have been imported.
"""

from __future__ import annotations

import tempfile
from itertools import chain
from pathlib import Path

from harness import (
    all_cpu_seconds,
    compare,
    encode_corpus,
    heading,
    in_turns,
    parser,
    sentences_of,
    train_wordpiece,
    wall_seconds,
    write_corpus,
)

LENGTH = 128
TOKENIZER_SENTENCES = 30_000


def main() -> None:
    arguments = parse()
    import datasets
    from transformers import AutoTokenizer

    datasets.disable_progress_bars()
    datasets.logging.set_verbosity_error()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        corpus = write_corpus(arguments.text, arguments.megabytes, folder / "corpus")
        tokenizer = train_wordpiece(sentences_of(arguments.text, TOKENIZER_SENTENCES), folder / "tokenizer")
        peer = AutoTokenizer.from_pretrained(tokenizer)
        demand_equal_ids(corpus, tokenizer, peer, arguments.workers)

        seconds = all_cpu_seconds if arguments.cpu else wall_seconds

        def ours() -> float:
            with tempfile.TemporaryDirectory() as out:
                return seconds(lambda: packed(corpus, tokenizer, Path(out), arguments.workers))

        def theirs() -> float:
            with tempfile.TemporaryDirectory() as cache:
                return seconds(lambda: grouped(corpus, peer, cache, arguments.workers))

        clock = "CPU time of all of them" if arguments.cpu else "wall time"
        heading(f"text to ids packed to {LENGTH}, {arguments.workers} processes, {clock}; equal ids demanded first")
        times = in_turns({"ours": ours, "peer": theirs}, arguments.rounds)
    rates = {name: [arguments.megabytes / value for value in values] for name, values in times.items()}
    compare(f"text to packed ids, {arguments.megabytes:g} MB", "MB/s", rates["ours"],
            "run_mlm's load, map, group_texts", rates["peer"])


def parse():
    made = parser(__doc__, rounds=3)
    made.add_argument("text", type=Path)
    made.add_argument("--megabytes", type=float, default=16)
    made.add_argument("--workers", type=int, default=2)
    made.add_argument("--cpu", action="store_true", help="CPU seconds in place of wall time")
    return made.parse_args()


def packed(corpus: Path, tokenizer: Path, out: Path, workers: int):
    from jptransfer.objectives.sequences import single_sequences
    from jptransfer.text.encoded import load_encoded

    return single_sequences(load_encoded(encode_corpus(corpus, tokenizer, out, workers), "train"), LENGTH, pack=True)


def tokenized(corpus: Path, tokenizer, cache: str, workers: int):
    from datasets import load_dataset

    lines = load_dataset("text", data_files={"train": str(corpus / "train.txt")}, cache_dir=cache, split="train")
    return lines.map(lambda rows: tokenizer(rows["text"], return_special_tokens_mask=True), batched=True,
                     num_proc=workers, remove_columns=["text"])


def grouped(corpus: Path, tokenizer, cache: str, workers: int):
    def group_texts(examples: dict) -> dict:
        joined = {key: list(chain(*values)) for key, values in examples.items()}
        total = len(joined["input_ids"]) // LENGTH * LENGTH
        return {key: [values[start:start + LENGTH] for start in range(0, total, LENGTH)]
                for key, values in joined.items()}

    return tokenized(corpus, tokenizer, cache, workers).map(group_texts, batched=True, num_proc=workers)


def demand_equal_ids(corpus: Path, tokenizer: Path, peer, workers: int) -> None:
    """Compare the ids of the whole text, which grouping only cuts."""
    import numpy as np

    from jptransfer.text.encoded import load_encoded

    with tempfile.TemporaryDirectory() as name:
        ours = load_encoded(encode_corpus(corpus, tokenizer, Path(name) / "ours", workers), "train").ids
        rows = tokenized(corpus, peer, name, workers).with_format("numpy")
        theirs = np.concatenate([ids[1:-1] for block in rows.iter(1000) for ids in block["input_ids"]])
        assert np.array_equal(ours, theirs), "the ids differ"


if __name__ == "__main__":
    main()
