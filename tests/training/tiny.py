"""A tiny language and a tiny regression, to train on in milliseconds."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import torch
from torch import nn

from jptransfer.config import Device, RuntimeConfig
from jptransfer.runtime import Runtime
from jptransfer.text.encoded import EncodedSplit, array_path
from jptransfer.text.types import Template
from jptransfer.training.context import TrainingContext
from jptransfer.training.loop import evaluate_objective, train
from jptransfer.training.randomness import generator
from jptransfer.training.types import Batch, LoopSettings, LossOutput

VOCAB = 40
TOKENIZER = SimpleNamespace(pad_id=0, unk_id=1, cls_id=2, sep_id=3, mask_id=4, vocab_size=VOCAB,
                            template=Template.of_bert(2, 3))


def example_batches(lengths: np.ndarray, batch_size: int, parts: int, *keys: int) -> list[Batch]:
    """Batches of `batch_size` examples drawn at random; a part holds those of a batch that are alike in length."""
    order = generator(*keys).permutation(len(lengths))
    batches: list[Batch] = []
    for start in range(0, len(order), batch_size):
        batch = order[start:start + batch_size]
        by_length = batch[np.argsort(lengths[batch], kind="stable")]
        batches.append([part for part in np.array_split(by_length, parts) if len(part)])
    return batches


def make_split(documents: list[list[int]], seed: int = 0) -> EncodedSplit:
    """Random ids for documents given as the lengths of their sentences; about 60% of pieces start a word."""
    random = np.random.default_rng(seed)
    lengths = [length for document in documents for length in document]
    tokens = sum(lengths)
    return EncodedSplit(
        ids=random.integers(5, VOCAB, tokens).astype(np.uint16),
        word_starts=(random.random(tokens) < 0.6).astype(np.uint8),
        sentences=np.cumsum([0, *lengths]),
        documents=np.cumsum([0, *map(len, documents)]),
        vocab_size=VOCAB,
    )


def random_documents(count: int, seed: int = 0, longest: int = 30) -> list[list[int]]:
    """Lengths of sentences: 1 to 9 sentences of 1 to `longest` tokens a document."""
    random = np.random.default_rng(seed)
    return [random.integers(1, longest, random.integers(1, 10)).tolist() for _ in range(count)]


def write_encoded(folder: Path, **splits: EncodedSplit) -> Path:
    """Write splits as the stage encode does."""
    folder.mkdir(parents=True)
    for name, split in splits.items():
        for array in ("ids", "word_starts", "sentences", "documents"):
            np.save(array_path(folder, name, array), getattr(split, array))
    (folder / "encoded.json").write_text(json.dumps({"vocab_size": VOCAB, "splits": {name: {} for name in splits}}))
    return folder


class Points:
    """Points of a plane that is to be learnt."""

    def __init__(self, parts: int = 4, count: int = 64) -> None:
        self.parts, self.count = parts, count
        generator = torch.Generator().manual_seed(1)
        self.x = torch.randn(count, 5, generator=generator)
        self.y = self.x.sum(1, keepdim=True)

    def batches(self, epoch):
        return example_batches(self.lengths(epoch), 16, self.parts, 0, epoch)

    def lengths(self, epoch):
        return np.full(self.count, 5)

    def collate(self, indices, epoch):
        return {"x": self.x[indices], "y": self.y[indices]}


class SquaredError:
    """Its objective."""

    def units(self, batch):
        return {"mse": float(len(batch["x"]))}

    def __call__(self, model, batch):
        return LossOutput({"mse": ((model(batch["x"]) - batch["y"]) ** 2).sum()})


def small_network(dropout: float = 0.1) -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(5, 8), nn.Tanh(), nn.Dropout(dropout), nn.Linear(8, 1))


def cpu(**settings) -> Runtime:
    return Runtime(RuntimeConfig(device=Device.cpu, **{"threads": 1, **settings}))


class Deadly:
    """Before an objective: kills its process in the middle of an update, after `last` parts of batches."""

    calls, last = 0, 10**9

    def __call__(self, model, batch):
        self.calls += model.training
        if self.calls > self.last:
            os.kill(os.getpid(), signal.SIGKILL)
        return super().__call__(model, batch)


def learn(model, objective, data, held_out, settings: LoopSettings, runtime: Runtime | None, work: Path):
    """Train for more than an epoch; return the weights and the history."""
    assert len(data.batches(0)) < settings.steps

    def evaluate(model, context):
        return objective.metrics(evaluate_objective(model, objective, held_out, context))

    context = TrainingContext(runtime or cpu(checkpoint_seconds=1e9))
    result = train(model, objective, data, settings, context, work, evaluate)
    return {name: value.numpy() for name, value in model.state_dict().items()}, result.history
