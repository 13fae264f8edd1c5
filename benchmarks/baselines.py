"""Share of the text pipeline in training the baseline CNNs: reading, cutting into units and batching against all.

python benchmarks/baselines.py DATASET [--models kim_cnn_rand embednet_char ...] [--steps 12] [--rounds 5]

DATASET is the folder of a data set's artifact. Each model has the sizes and the tokenizer of its preset, trained on the
texts themselves, and `finetuning=baselines` with the preset's own length. Measured in turns, CPU seconds of one thread
an example: the pipeline (an epoch's examples read from parquet, cut into units, ordered by length, and made into
tensors, although a run of several epochs reads and cuts once only) and the training loop, which collates for itself.
Before that the batches of an epoch must hold every text's ids once.
"""

from __future__ import annotations

import argparse
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import torch
from harness import CONFIGS, Ratio, cpu_runtime, cpu_seconds, heading, in_turns, parser, row, short

from jptransfer.config import Config
from jptransfer.learners.losses import CrossEntropy
from jptransfer.learners.task_data import TaskData
from jptransfer.learners.task_loss import TaskLoss
from jptransfer.models.task_models import fresh_head
from jptransfer.registry import MODELS
from jptransfer.tasks.base import Feature, Limits
from jptransfer.tasks.files import open_dataset, read_examples
from jptransfer.text.tokenizers import train_tokenizer
from jptransfer.text.types import Tokenizer
from jptransfer.training.context import TrainingContext
from jptransfer.training.loop import train
from jptransfer.training.types import LoopSettings

MODELS_OF_PAPERS = ["kim_cnn_rand", "embednet_char", "embednet_byte", "embednet_word"]
TARGET = 0.1


def main() -> None:
    arguments = parse()
    torch.set_num_threads(1)
    texts = [example.text for example in read_examples(open_dataset(arguments.dataset), arguments.dataset, "train")]
    heading(f"{len(texts):,} texts of {sum(map(len, texts)) / len(texts):.0f} characters, CPU time, one thread")
    for name in arguments.models:
        work = Work(name, arguments.dataset, texts, arguments.steps)
        work.demand_every_text_once(texts)
        found = in_turns({"pipeline": work.pipeline, "training": work.training}, arguments.rounds)
        whole = [a + b for a, b in zip(found["pipeline"], found["training"], strict=True)]
        share = Ratio.of(found["pipeline"], whole)
        row(f"{name}: pipeline's share of training", f"{share.median:.2%} ({share.least:.2%} to {share.most:.2%})",
            f"training alone: {short(1 / min(found['training']))} examples/s",
            f"target {TARGET:.0%}, {'met' if share.median < TARGET else 'missed'}")


def parse() -> argparse.Namespace:
    made = parser(__doc__, rounds=5)
    made.add_argument("dataset", type=Path)
    made.add_argument("--models", nargs="+", default=MODELS_OF_PAPERS)
    made.add_argument("--steps", type=int, default=12)
    return made.parse_args()


class Work:
    """What is measured of one model; every method returns CPU seconds an example."""

    def __init__(self, name: str, dataset: Path, texts: list[str], steps: int) -> None:
        config = configured(name)
        self.dataset, self.steps, self.settings = dataset, steps, config.finetuning.encoder
        self.task = open_dataset(dataset)
        self.tokenizer: Tokenizer = train_tokenizer(config.tokenizer, texts)
        self.encoder = MODELS.load(config.model.architecture)(config.model, self.tokenizer.vocab_size,
                                                              self.tokenizer.pad_id)

    def features(self) -> list[Feature]:
        examples = read_examples(self.task, self.dataset, "train")
        return self.task.encode(examples, self.tokenizer, Limits(self.settings.max_length))

    def data(self, features: list[Feature]) -> TaskData:
        return TaskData(features, self.task.output.level, self.settings.batch_size, self.tokenizer.pad_id, seed=0)

    def collated(self) -> Iterator[dict[str, torch.Tensor]]:
        data = self.data(self.features())
        return (data.collate(part, 0) for batch in data.batches(0) for part in batch)

    def demand_every_text_once(self, texts: list[str]) -> None:
        room = self.settings.max_length - 2
        wanted = Counter(tuple(self.tokenizer.encode(text).ids[:room]) for text in texts)
        found = Counter(tuple(ids[mask.bool()][1:-1].tolist()) for batch in self.collated()
                        for ids, mask in zip(batch["input_ids"], batch["attention_mask"], strict=True))
        assert found == wanted

    def pipeline(self) -> float:
        count = len(read_examples(self.task, self.dataset, "train"))
        return cpu_seconds(lambda: sum(1 for _ in self.collated())) / count

    def training(self) -> float:
        data = self.data(self.features())
        model = fresh_head(self.encoder, self.task.output, self.task.outputs, self.settings.head, seed=0)
        settings = LoopSettings(self.steps, self.settings.learning_rate, self.settings.optimizer,
                                self.settings.schedule, record_every=self.steps)
        context = TrainingContext(cpu_runtime(threads=1, checkpoint_seconds=1e9))
        loss = TaskLoss(CrossEntropy(torch.ones(len(self.task.outputs))))
        with tempfile.TemporaryDirectory() as work:
            seconds = cpu_seconds(lambda: train(model, loss, data, settings, context, Path(work)))
        return seconds / sum(len(part) for batch in data.batches(0)[:self.steps] for part in batch)


def configured(name: str) -> Config:
    """Return the configuration of a preset with the recipe of the word-vector baselines and its own length."""
    from hydra import compose, initialize_config_dir

    from jptransfer.commands import VERBS
    from jptransfer.commands.compose import register, typed

    register(VERBS["finetune"])
    with initialize_config_dir(version_base="1.3", config_dir=str(CONFIGS)):
        own = compose("finetune", [f"model={name}"])
        words = [] if own.finetuning.encoder.head.name == "temporal_cnn" else ["tokenizer=word"]
        length = f"finetuning.encoder.max_length={own.finetuning.encoder.max_length}"
        return typed(compose("finetune", [f"model={name}", *words, "finetuning=baselines", length]))


if __name__ == "__main__":
    main()
