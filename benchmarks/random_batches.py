"""Random training batches of 32 packed sequences: ours from the memory map against datasets' torch format, in turns.

python benchmarks/random_batches.py ENCODED TOKENIZER [--batches 300] [--rounds 5]

ENCODED and TOKENIZER are folders of artifacts. The peer reads rows that were padded beforehand to 128 from an Arrow
file; ours cuts them from the ids, adds special tokens and padding. Equal ids and attention masks are demanded first.
Compared are (a) ids and attention mask as tensors, (b) batches with hidden words and labels, the peer's by
DataCollatorForLanguageModeling. CPU seconds of one thread.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
import torch
from harness import compare, cpu_seconds, heading, in_turns, parser

from jptransfer.config import LmTrainingConfig, ObjectiveConfig
from jptransfer.text.encoded import load_encoded
from jptransfer.text.tokenizers import load_tokenizer
from jptransfer.text.types import Tokenizer
from jptransfer.training.mlm import MaskedData

ROWS, LENGTH = 32, 128


def main() -> None:
    arguments = parse()
    torch.set_num_threads(1)
    import datasets
    from transformers import BertTokenizer, DataCollatorForLanguageModeling

    datasets.disable_progress_bars()
    tokenizer = load_tokenizer(arguments.tokenizer)
    config = LmTrainingConfig(max_length=LENGTH, objective=ObjectiveConfig(whole_word=False))
    data = MaskedData(load_encoded(arguments.encoded, "train"), tokenizer, config, limit=arguments.sequences)
    collator = DataCollatorForLanguageModeling(BertTokenizer(str(arguments.tokenizer / "vocab.txt")))
    draws = np.random.default_rng(0).integers(0, len(data.sequences(0)), (arguments.batches, ROWS))
    with tempfile.TemporaryDirectory() as folder:
        rows = datasets.Dataset.from_generator(lambda: padded_rows(data, tokenizer), cache_dir=folder)
        rows.save_to_disk(f"{folder}/rows")
        stored = datasets.load_from_disk(f"{folder}/rows").with_format("torch")
        for draw in draws[:10]:
            demand_equal(plain(data, draw), stored[draw])

        def theirs_masked(draw: np.ndarray) -> object:
            batch = stored[draw]
            return collator([{name: batch[name][place] for name in batch} for place in range(ROWS)])

        works = {"plain": lambda draw: plain(data, draw), "torch format": lambda draw: stored[draw],
                 "hidden": lambda draw: data.collate(draw, 0), "torch format, collator": theirs_masked}
        heading(f"{ROWS} random sequences of up to {LENGTH} tokens, of {len(data.sequences(0)):,}; CPU time")
        times = in_turns({name: (lambda work=work: cpu_seconds(lambda: [work(draw) for draw in draws])
                                 / len(draws) * 1000) for name, work in works.items()}, arguments.rounds)
    for label, ours, peer in (("ids and attention mask as tensors", "plain", "torch format"),
                              ("with hidden words and labels", "hidden", "torch format, collator"),
                              ("ours with hidden words and labels, the peer without", "hidden", "torch format")):
        compare(label, "ms", times[ours], f"datasets, {peer}", times[peer])


def parse():
    made = parser(__doc__, rounds=5)
    made.add_argument("encoded", type=Path)
    made.add_argument("tokenizer", type=Path)
    made.add_argument("--sequences", type=int, default=20_000)
    made.add_argument("--batches", type=int, default=300)
    return made.parse_args()


def plain(data: MaskedData, draw: np.ndarray) -> dict[str, torch.Tensor]:
    """The part of `MaskedData.collate` before anything is hidden."""
    sequences = data.sequences(0).take(draw)
    frame = data._frame(sequences, int(sequences.lengths.max()))
    arrays = {"input_ids": frame.ids, "attention_mask": frame.present.astype(np.int64)}
    return {name: torch.from_numpy(array) for name, array in arrays.items()}


def padded_rows(data: MaskedData, tokenizer: Tokenizer):
    """Yield every sequence as run_mlm would store it, padded to one length."""
    for start, end in data.sequences(0).first.tolist():
        ids = [tokenizer.cls_id, *data.split.ids[start:end].tolist(), tokenizer.sep_id]
        padding = LENGTH - len(ids)
        yield {"input_ids": ids + [tokenizer.pad_id] * padding, "attention_mask": [1] * len(ids) + [0] * padding}


def demand_equal(ours: dict[str, torch.Tensor], theirs: dict[str, torch.Tensor]) -> None:
    width = ours["input_ids"].shape[1]
    for name in ("input_ids", "attention_mask"):
        assert torch.equal(ours[name], theirs[name][:, :width]), name
    assert not theirs["attention_mask"][:, width:].any()


if __name__ == "__main__":
    main()
