"""Run the stage pretrain on an XLA device and count compilations, see `check_xla`."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import torch_xla.debug.metrics as metrics

from jptransfer.config import (
    Device,
    EncodingConfig,
    LmTrainingConfig,
    ModelConfig,
    ObjectiveConfig,
    RuntimeConfig,
    TokenizerConfig,
)
from jptransfer.models.encoders.bert_settings import BertModelConfig
from jptransfer.objectives.mlm_settings import MlmConfig
from jptransfer.runtime import Runtime, SilentProgress
from jptransfer.stages import encode, pretrain
from jptransfer.stages.encode import EncodeStage
from jptransfer.stages.pretrain import PretrainStage
from jptransfer.text.tokenizers import train_tokenizer

TOY = Path(__file__).resolve().parents[1] / "data" / "toy" / "corpus.txt"
EPOCHS, WARMUP = 6, 3


class Compilations(SilentProgress):
    """Notes the number of compiled graphs after every update."""

    def __init__(self) -> None:
        self.counts: list[int] = []

    @contextmanager
    def bar(self, label: str, total: float | None = None, done: float = 0) -> Iterator[Compilations]:
        """Stand in for a progress bar."""
        yield self

    def advance(self, amount: float = 1) -> None:
        """Note the number."""
        found = metrics.metric_data("CompileTime")
        self.counts.append(found[0] if found else 0)

    def note(self, text: str) -> None:
        """Show nothing."""


def toy_inputs(folder: Path) -> dict[str, Path]:
    """Encode part of the toy corpus in characters, which needs no MeCab."""
    corpus, tokenizer, encoded = (folder / name for name in ("corpus", "tokenizer", "encoded"))
    for made in (corpus, tokenizer, encoded):
        made.mkdir()
    lines = TOY.read_text("utf-8").splitlines()
    (corpus / "train.txt").write_text("\n".join(lines[:2000]) + "\n", "utf-8")
    (corpus / "validation.txt").write_text("\n".join(lines[2000:2200]) + "\n", "utf-8")
    train_tokenizer(TokenizerConfig(kind="character", vocab_size=500), lines).save(tokenizer)
    encode.run(EncodeStage(EncodingConfig()), {"corpus": corpus, "tokenizer": tokenizer}, encoded, Runtime())
    return {"tokenizer": tokenizer, "encoded": encoded}


def main() -> None:
    """Train, and exit with 1 if anything was compiled after warm-up."""
    training = LmTrainingConfig(
        max_length=64, pack=False, batch_tokens=2048, parts=2, epochs=EPOCHS, learning_rate=1e-3, evaluations=0,
        objective=ObjectiveConfig(mlm=MlmConfig(next_sentence="nsp" in sys.argv[1:])))
    model = ModelConfig(bert=BertModelConfig(layers=2, hidden=64, heads=2, intermediate=128, max_positions=64))
    seen = Compilations()
    with tempfile.TemporaryDirectory() as name:
        inputs = toy_inputs(Path(name))
        out = Path(name) / "out"
        out.mkdir()
        runtime = Runtime(RuntimeConfig(device=Device.tpu, checkpoint_seconds=1e9), seen)
        summary = pretrain.run(PretrainStage(model, training), inputs, out, runtime)
    warm = len(seen.counts) * WARMUP // EPOCHS
    later = seen.counts[-1] - seen.counts[warm]
    print(summary.headline, f"on {summary.values['device']}; padding {summary.values['padding']:.1%}")
    rest = len(seen.counts) - warm
    print(f"compiled graphs: {seen.counts[warm]} in the first {warm} updates, {later} in the {rest} after them")
    sys.exit(1 if later else 0)


if __name__ == "__main__":
    main()
