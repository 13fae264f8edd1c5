"""Masked language modelling on short texts: our loop against Hugging Face's Trainer with dynamic padding, in turns.

python benchmarks/pretrain.py ENCODED TOKENIZER [--model bert_mini] [--precision fp32] [--steps 12] [--rounds 3]

ENCODED and TOKENIZER are folders of artifacts. Both train the same model on the same sentences, one a sequence, with
about the same number of real tokens an update; compared are real tokens (no padding) per CPU second. Before that the
losses of single sentences, with the head at the hidden positions only, must equal transformers' with the head
everywhere to 1e-5.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path

import numpy as np
import torch
from harness import compare, cpu_runtime, heading, in_turns, model_config, training_parser

from jptransfer.config import LmTrainingConfig, ObjectiveConfig, Precision
from jptransfer.models.encoders.bert import configuration
from jptransfer.models.pretrained import fresh_language_model
from jptransfer.objectives.mlm import MaskedData, MaskedLanguageModel
from jptransfer.objectives.mlm_settings import MlmConfig
from jptransfer.text.encoded import load_encoded
from jptransfer.text.tokenizers import load_tokenizer
from jptransfer.training.context import TrainingContext
from jptransfer.training.loop import train
from jptransfer.training.types import LoopSettings

ROWS = 32


def main() -> None:
    arguments = parse()
    torch.set_num_threads(arguments.threads)
    tokenizer = load_tokenizer(arguments.tokenizer)
    split = load_encoded(arguments.encoded, "train")
    size = model_config(arguments.model)
    mean = split.n_tokens / split.n_sentences + 2
    config = LmTrainingConfig(
        pack=False, batch_tokens=round(ROWS * mean), micro_batches=arguments.parts,
        precision=Precision(arguments.precision), objective=ObjectiveConfig(mlm=MlmConfig(whole_word=False)))
    data = MaskedData(split, tokenizer, config, limit=arguments.sentences)

    def fresh() -> torch.nn.Module:
        torch.manual_seed(0)
        return fresh_language_model(configuration(size, tokenizer.vocab_size, tokenizer.pad_id), ObjectiveConfig("mlm"))

    error = gate(fresh().eval(), data)
    heading(f"sentences of {mean:.1f} tokens, CPU time, {arguments.threads} thread(s); single losses differ "
            f"by at most {error:.1e}")
    rates = in_turns({"ours": lambda: ours(fresh(), data, config, arguments),
                      "peer": lambda: peer(fresh(), data, config, tokenizer, arguments)}, arguments.rounds)
    compare(f"{arguments.model} {arguments.precision}", "real tokens/s", rates["ours"],
            f"Trainer, dynamic padding, batches of {ROWS}", rates["peer"])


def parse() -> argparse.Namespace:
    parser = training_parser(__doc__, rounds=3, steps=12)
    parser.add_argument("encoded", type=Path)
    parser.add_argument("tokenizer", type=Path)
    parser.add_argument("--sentences", type=int, default=20_000)
    parser.add_argument("--parts", type=int, default=1)
    return parser.parse_args()


def gate(model: torch.nn.Module, data: MaskedData, sentences: int = 64) -> float:
    """Return the greatest difference between the losses of single sentences, ours and transformers'."""
    objective, worst = MaskedLanguageModel(data.config, model), 0.0
    for index in range(sentences):
        batch = data.collate(np.array([index]), 0)
        labels = torch.full_like(batch["input_ids"], -100).flatten()
        labels[batch["positions"]] = batch["labels"]
        if not len(batch["labels"]):
            continue
        with torch.no_grad():
            reference = model(input_ids=batch["input_ids"], labels=labels[None]).loss
            loss = objective(model, batch).terms["mlm"] / objective.units(batch)["mlm"]
        worst = max(worst, abs(float(loss - reference)))
    assert worst < 1e-5, worst
    return worst


def ours(model, data: MaskedData, config: LmTrainingConfig, arguments: argparse.Namespace) -> float:
    """Real tokens per CPU second of our loop."""
    runtime = cpu_runtime(threads=arguments.threads, checkpoint_seconds=1e9)
    context = TrainingContext(runtime, config.precision)
    settings = LoopSettings(
        arguments.steps, config.learning_rate, config.optimizer, config.schedule, config.precision, record_every=1)
    with tempfile.TemporaryDirectory() as work:
        start = time.process_time()
        result = train(model, MaskedLanguageModel(config, model), data, settings, context, Path(work))
        seconds = time.process_time() - start
    return result.history[-1]["tokens"] / seconds


def peer(model, data: MaskedData, config: LmTrainingConfig, tokenizer, arguments: argparse.Namespace) -> float:
    """Real tokens per CPU second of Trainer with the collator that pads to the longest of a batch."""
    from accelerate.state import AcceleratorState
    from transformers import BertTokenizer, DataCollatorForLanguageModeling, Trainer, TrainingArguments

    AcceleratorState._reset_state(reset_partial_state=True)
    tokens = 0
    collator = DataCollatorForLanguageModeling(BertTokenizer(str(arguments.tokenizer / "vocab.txt")))

    def collate(examples):
        nonlocal tokens
        tokens += sum(len(example["input_ids"]) for example in examples)
        return collator(examples)

    rows = [{"input_ids": [tokenizer.cls_id, *data.split.ids[start:end].tolist(), tokenizer.sep_id]}
            for start, end in data.sequences(0).first]
    with tempfile.TemporaryDirectory() as folder:
        settings = TrainingArguments(
            folder, max_steps=arguments.steps, per_device_train_batch_size=ROWS, learning_rate=config.learning_rate,
            weight_decay=config.optimizer.weight_decay, bf16=config.precision is Precision.bf16, use_cpu=True,
            report_to=[], save_strategy="no", logging_steps=1_000_000, disable_tqdm=True)
        trainer = Trainer(model, settings, data_collator=collate, train_dataset=rows)
        start = time.process_time()
        trainer.train()
        return tokens / (time.process_time() - start)


if __name__ == "__main__":
    main()
