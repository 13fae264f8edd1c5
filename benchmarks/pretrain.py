"""Masked language modelling on short texts: our loop against Hugging Face's Trainer with dynamic padding, in turns.

python benchmarks/pretrain.py ENCODED TOKENIZER [--model bert_mini] [--precision fp32] [--steps 12] [--rounds 3]

ENCODED and TOKENIZER are folders of artifacts. Both train the same model on the same sentences, one a sequence, with
about the same number of real tokens an update; compared are real tokens (no padding) per CPU second. Before that the
losses of single sentences, with the head at the hidden positions only, must equal transformers' with the head
everywhere to 1e-5.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from pathlib import Path

import numpy as np
import torch
import yaml

from jptransfer.config import Device, LmTrainingConfig, ModelConfig, ObjectiveConfig, Precision, RuntimeConfig
from jptransfer.models.bert import build
from jptransfer.runtime import Runtime
from jptransfer.text.encoded import load_encoded
from jptransfer.text.tokenizers import load_tokenizer
from jptransfer.training.context import TrainingContext
from jptransfer.training.loop import train
from jptransfer.training.mlm import MaskedData, MaskedLanguageModel
from jptransfer.training.types import LoopSettings

ROWS = 32
CONFIGS = Path(__file__).resolve().parents[1] / "configs"


def main() -> None:
    arguments = parse()
    torch.set_num_threads(arguments.threads)
    tokenizer = load_tokenizer(arguments.tokenizer)
    split = load_encoded(arguments.encoded, "train")
    size = ModelConfig(**yaml.safe_load((CONFIGS / "model" / f"{arguments.model}.yaml").read_text()))
    mean = split.n_tokens / split.n_sentences + 2
    config = LmTrainingConfig(
        pack=False, batch_tokens=round(ROWS * mean), parts=arguments.parts, precision=Precision(arguments.precision),
        objective=ObjectiveConfig(whole_word=False))
    data = MaskedData(split, tokenizer, config, limit=arguments.sentences)

    def fresh() -> torch.nn.Module:
        torch.manual_seed(0)
        return build(size, tokenizer.vocab_size, tokenizer.pad_id)

    error = gate(fresh().eval(), data)
    rates = [(ours(fresh(), data, config, arguments), peer(fresh(), data, config, tokenizer, arguments))
             for _ in range(arguments.rounds + 1)][1:]
    ratios = sorted(mine / theirs for mine, theirs in rates)
    mine, theirs = (statistics.median(column) for column in zip(*rates, strict=True))
    print(f"{arguments.model} {arguments.precision}, {mean:.1f} tokens a sentence, {arguments.threads} thread(s): "
          f"ours {mine:,.0f}, Trainer {theirs:,.0f} real tokens/s; {statistics.median(ratios):.2f}x "
          f"({ratios[0]:.2f} to {ratios[-1]:.2f}); greatest difference of a loss {error:.1e}")


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("encoded", type=Path)
    parser.add_argument("tokenizer", type=Path)
    parser.add_argument("--model", default="bert_mini")
    parser.add_argument("--precision", default="fp32", choices=["fp32", "bf16"])
    parser.add_argument("--sentences", type=int, default=20_000)
    parser.add_argument("--parts", type=int, default=1)
    parser.add_argument("--steps", type=int, default=12)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=1)
    return parser.parse_args()


def gate(model: torch.nn.Module, data: MaskedData, sentences: int = 64) -> float:
    """Return the greatest difference between the losses of single sentences, ours and transformers'."""
    objective, worst = MaskedLanguageModel(), 0.0
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
    runtime = Runtime(RuntimeConfig(device=Device.cpu, threads=arguments.threads, checkpoint_seconds=1e9))
    context = TrainingContext(runtime, config.precision)
    settings = LoopSettings(
        arguments.steps, config.learning_rate, config.optimizer, config.schedule, config.precision, record_every=1)
    with tempfile.TemporaryDirectory() as work:
        start = time.process_time()
        result = train(model, MaskedLanguageModel(), data, settings, context, Path(work))
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
