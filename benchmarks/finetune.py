"""Fine-tuning a classifier on short texts: our loop against Hugging Face's Trainer with dynamic padding, in turns.

python benchmarks/finetune.py DATASET TOKENIZER [--model bert_mini] [--precision fp32] [--steps 20] [--rounds 5]

DATASET and TOKENIZER are folders of artifacts. Both train the same fresh model on the same examples, 32 an update;
compared are examples per CPU second. Before that the loss of a batch and the scores of the validation split, batched by
length, must equal transformers' own, example by example, to 1e-5.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path

import numpy as np
import torch
from harness import compare, cpu_runtime, heading, in_turns, model_config, training_parser

from jptransfer.config import HeadConfig, Precision
from jptransfer.learners.encoder_settings import EncoderFinetuningConfig
from jptransfer.learners.losses import CrossEntropy
from jptransfer.learners.scores import score
from jptransfer.learners.task_data import TaskData
from jptransfer.learners.task_loss import TaskLoss
from jptransfer.models.encoders.bert import configuration
from jptransfer.models.task_models import fresh_head
from jptransfer.tasks.base import Feature, Level, Limits
from jptransfer.tasks.files import open_dataset, read_examples
from jptransfer.text.tokenizers import load_tokenizer
from jptransfer.training.batching import padding_share
from jptransfer.training.context import TrainingContext
from jptransfer.training.loop import train
from jptransfer.training.types import LoopSettings

DEFAULTS = EncoderFinetuningConfig()


def main() -> None:
    arguments = parse()
    torch.set_num_threads(arguments.threads)
    task, tokenizer = open_dataset(arguments.dataset), load_tokenizer(arguments.tokenizer)
    features, validation = (
        task.encode(read_examples(task, arguments.dataset, split), tokenizer, Limits(DEFAULTS.max_length))
        for split in ("train", "validation"))
    size = model_config(arguments.model)

    def fresh() -> torch.nn.Module:
        encoder = configuration(size, tokenizer.vocab_size, tokenizer.pad_id)
        return fresh_head(encoder, task.output, task.outputs, HeadConfig(), seed=0)

    data = TaskData(features, task.output.level, DEFAULTS.batch_size, tokenizer.pad_id, seed=0)
    error = gate(fresh().eval(), data, validation, task)
    lengths = data.lengths(0)
    heading(f"examples of {lengths.mean():.1f} tokens, padding {padding_share(lengths, data.batches(0)):.1%} of our "
            f"positions, CPU time, {arguments.threads} thread(s); scores and losses differ by at most {error:.1e}")
    rates = in_turns({"ours": lambda: ours(fresh(), data, len(task.outputs), arguments),
                      "peer": lambda: peer(fresh(), features, tokenizer.pad_id, arguments)}, arguments.rounds)
    compare(f"fine-tuning {arguments.model} {arguments.precision}", "examples/s", rates["ours"],
            "Trainer, padding to the longest", rates["peer"])


def parse() -> argparse.Namespace:
    parser = training_parser(__doc__, rounds=5, steps=20)
    parser.add_argument("dataset", type=Path)
    parser.add_argument("tokenizer", type=Path)
    return parser.parse_args()


def gate(model: torch.nn.Module, data: TaskData, validation: list[Feature], task, examples: int = 64) -> float:
    """Return the greatest difference of losses and scores, ours in batches and transformers' one by one."""
    loss, worst = TaskLoss(CrossEntropy(torch.ones(len(task.outputs)))), 0.0
    with torch.no_grad():
        part = data.batches(0)[0][0]
        alone = [data.collate(np.array([index]), 0) for index in part]
        reference = sum(float(model(**batch).loss) for batch in alone)
        worst = abs(float(loss(model, data.collate(part, 0)).terms["label"]) - reference) / len(part)
        rows = score(model, validation, task.output.level, data.pad, 32).rows
        for feature, scores in zip(validation, rows, strict=True):
            single = model(input_ids=torch.tensor([feature.input_ids])).logits[0].numpy()
            worst = max(worst, float(np.abs(single - scores).max()))
    assert worst < 1e-5, worst
    return worst


def ours(model, data: TaskData, classes: int, arguments: argparse.Namespace) -> float:
    """Examples per CPU second of our loop."""
    precision = Precision(arguments.precision)
    runtime = cpu_runtime(threads=arguments.threads, checkpoint_seconds=1e9)
    settings = LoopSettings(arguments.steps, DEFAULTS.learning_rate, precision=precision, record_every=arguments.steps)
    with tempfile.TemporaryDirectory() as work:
        context = TrainingContext(runtime, precision)
        start = time.process_time()
        train(model, TaskLoss(CrossEntropy(torch.ones(classes))), data, settings, context, Path(work))
        return arguments.steps * data.batch_size / (time.process_time() - start)


def peer(model, features: list[Feature], pad: int, arguments: argparse.Namespace) -> float:
    """Examples per CPU second of Trainer with batches padded to their longest example."""
    from accelerate.state import AcceleratorState
    from transformers import Trainer, TrainingArguments

    from jptransfer.learners.task_data import collate

    AcceleratorState._reset_state(reset_partial_state=True)
    with tempfile.TemporaryDirectory() as folder:
        settings = TrainingArguments(
            folder, max_steps=arguments.steps, per_device_train_batch_size=DEFAULTS.batch_size,
            learning_rate=DEFAULTS.learning_rate, weight_decay=DEFAULTS.optimizer.weight_decay,
            bf16=arguments.precision == "bf16", use_cpu=True, report_to=[], save_strategy="no", logging_steps=1_000_000,
            disable_tqdm=True, remove_unused_columns=False)
        trainer = Trainer(model, settings, train_dataset=features,
                          data_collator=lambda rows: collate(rows, Level.sequence, pad))
        start = time.process_time()
        trainer.train()
        return arguments.steps * DEFAULTS.batch_size / (time.process_time() - start)


if __name__ == "__main__":
    main()
