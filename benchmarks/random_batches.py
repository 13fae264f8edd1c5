"""Random training batches of 32 packed sequences: ours from the memory map against datasets' torch format, in turns.

python benchmarks/random_batches.py ENCODED TOKENIZER [--batches 300] [--rounds 5]

ENCODED and TOKENIZER are folders of artifacts. The peer reads the same sequences with the columns and types that
run_mlm stores (input_ids, token_type_ids, attention_mask, special_tokens_mask), padded to 128, from an Arrow file.
Equal ids and attention masks are demanded first. Compared are, CPU seconds of one thread:

- ids and attention mask as tensors: the peer's is one call, `dataset[32 indices]`, in torch format, or torch's
  DataLoader over it with shuffling;
- batches with hidden words and labels as a training loop draws them: the peer's by torch's DataLoader with shuffling
  and DataCollatorForLanguageModeling, from rows in torch format, from rows as Python lists, and from those that
  Trainer passes on (it drops special_tokens_mask); ours with single pieces hidden, as the collator does, and with
  whole words.

The floor is one gather in numpy: 32 x 128 ids from the memory map into an int64 tensor.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Mapping
from itertools import islice
from pathlib import Path

import numpy as np
import torch
from harness import compare, cpu_seconds, heading, in_turns, parser

from jptransfer.config import LmTrainingConfig, ObjectiveConfig
from jptransfer.objectives.mlm import MaskedData
from jptransfer.objectives.mlm_settings import MlmConfig
from jptransfer.text.encoded import load_encoded
from jptransfer.text.tokenizers import load_tokenizer
from jptransfer.text.types import Tokenizer

ROWS, LENGTH = 32, 128


def main() -> None:
    arguments = parse()
    torch.set_num_threads(1)
    from transformers import BertTokenizer, DataCollatorForLanguageModeling

    collator = DataCollatorForLanguageModeling(BertTokenizer(str(arguments.tokenizer / "vocab.txt")))
    tokenizer = load_tokenizer(arguments.tokenizer)
    split = load_encoded(arguments.encoded, "train")

    def data(whole_word: bool) -> MaskedData:
        config = LmTrainingConfig(max_length=LENGTH, objective=ObjectiveConfig(mlm=MlmConfig(whole_word=whole_word)))
        return MaskedData(split, tokenizer, config, limit=arguments.sequences)

    pieces, words = data(whole_word=False), data(whole_word=True)
    count, batches = len(pieces.sequences(0)), arguments.batches
    draws = np.random.default_rng(0).integers(0, count, (batches, ROWS))
    with tempfile.TemporaryDirectory() as folder:
        stored = stored_rows(pieces, tokenizer, Path(folder))
        torch_rows = stored.with_format("torch")
        for draw in draws[:10]:
            demand_equal(plain(pieces, draw), torch_rows[draw])
        works: dict[str, Callable[[], object]] = {
            "gather": lambda: [gather(split.ids, draw) for draw in draws],
            "plain": lambda: [plain(pieces, draw) for draw in draws],
            "torch format": lambda: [torch_rows[draw] for draw in draws],
            "pieces": lambda: [pieces.collate(draw, 0) for draw in shuffled(count, batches)],
            "words": lambda: [words.collate(draw, 0) for draw in shuffled(count, batches)],
            "DataLoader": lambda: list(islice(loader(torch_rows), batches)),
        } | {name: lambda rows=rows: list(islice(loader(rows, collator), batches)) for name, rows in {
            "collator, torch format": torch_rows, "collator, lists": stored,
            "collator, lists, Trainer's columns": stored.remove_columns("special_tokens_mask")}.items()}
        lengths = pieces.lengths(0)
        heading(f"{ROWS} random sequences of {lengths.mean():.0f} tokens in {LENGTH} places, of {count:,}; CPU time")
        times = in_turns({name: (lambda work=work: cpu_seconds(work) / batches * 1000) for name, work in works.items()},
                         arguments.rounds)
    for label, ours, peer in pairs(works):
        compare(label, "ms", times[ours], f"datasets, {peer}", times[peer])


def parse():
    made = parser(__doc__, rounds=5)
    made.add_argument("encoded", type=Path)
    made.add_argument("tokenizer", type=Path)
    made.add_argument("--sequences", type=int, default=20_000)
    made.add_argument("--batches", type=int, default=300)
    return made.parse_args()


def pairs(works: Mapping[str, object]) -> Iterator[tuple[str, str, str]]:
    """Yield what is compared: a label, ours, the peer's."""
    yield "the floor: one gather", "gather", "torch format"
    for peer in ("torch format", "DataLoader"):
        yield "ids and attention mask as tensors", "plain", peer
    for peer in (name for name in works if name.startswith("collator")):
        yield "with hidden pieces and labels", "pieces", peer
        yield "with hidden words and labels", "words", peer


def plain(data: MaskedData, draw: np.ndarray) -> dict[str, torch.Tensor]:
    """The part of `MaskedData.collate` before anything is hidden."""
    sequences = data.sequences(0).take(draw)
    frame = data._frame(sequences, int(sequences.lengths.max()))
    arrays = {"input_ids": frame.ids, "attention_mask": frame.present.astype(np.int64)}
    return {name: torch.from_numpy(array) for name, array in arrays.items()}


def gather(ids: np.ndarray, draw: np.ndarray) -> torch.Tensor:
    """As many ids as a batch has, from places as random as a batch's, and nothing else."""
    starts = draw[:, None] * 97 % (len(ids) - LENGTH)
    return torch.from_numpy(np.asarray(ids).take(starts + np.arange(LENGTH)).astype(np.int64))


def shuffled(count: int, batches: int) -> np.ndarray:
    """Return batches of a random order of `count` rows, as DataLoader draws them."""
    order = torch.randperm(count).numpy()[: batches * ROWS]
    return order.reshape(-1, ROWS)


def loader(rows, collator: Callable | None = None):
    """Return torch's DataLoader over rows of a data set."""
    return torch.utils.data.DataLoader(rows, batch_size=ROWS, shuffle=True, collate_fn=collator)


def stored_rows(data: MaskedData, tokenizer: Tokenizer, folder: Path):
    """Write every sequence as run_mlm stores it and open that."""
    import datasets

    datasets.disable_progress_bars()
    ranges = data.sequences(0).first

    def columns(batch: dict[str, list[int]]) -> dict[str, list[list[int]]]:
        made = [columns_of(data.split.ids[slice(*ranges[row])].tolist(), tokenizer) for row in batch["row"]]
        return {name: [row[name] for row in made] for name in made[0]}

    rows = datasets.Dataset.from_dict({"row": range(len(ranges))})
    rows.map(columns, batched=True, remove_columns=["row"]).save_to_disk(folder / "rows")
    return datasets.load_from_disk(folder / "rows")


def columns_of(ids: list[int], tokenizer: Tokenizer) -> dict[str, list[int]]:
    """Return a sequence as a tokenizer of transformers returns it, padded to one length."""
    length, padding = len(ids) + 2, LENGTH - len(ids) - 2
    return {"input_ids": [tokenizer.cls_id, *ids, tokenizer.sep_id] + [tokenizer.pad_id] * padding,
            "token_type_ids": [0] * LENGTH,
            "attention_mask": [1] * length + [0] * padding,
            "special_tokens_mask": [1] + [0] * len(ids) + [1] * (1 + padding)}


def demand_equal(ours: dict[str, torch.Tensor], theirs: dict[str, torch.Tensor]) -> None:
    width = ours["input_ids"].shape[1]
    for name in ("input_ids", "attention_mask"):
        assert torch.equal(ours[name], theirs[name][:, :width]), name
    assert not theirs["attention_mask"][:, width:].any()


if __name__ == "__main__":
    main()
