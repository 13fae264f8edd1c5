"""AWD-LSTM against fastai's, in turns: steps of the language model, and classifier training over texts of mixed length.

python benchmarks/awd_lstm.py lm [--model awd_lstm] [--steps 1] [--rounds 3]
python benchmarks/awd_lstm.py classifier TEXT [--model awd_lstm_small] [--batches 6] [--rounds 3]

Needs the extra `fastai` in an environment of its own. Both sides have the same sizes, weights, dropouts and examples,
and train with their own loops: ours with `train`, theirs with `Learner`. Language model: windows of 70 of 64 streams,
vocabulary of 32,000, AR and TAR. Classifier: TEXT has one text a line (.xz and .gz are opened), a character is a token;
batches of 64, windows of 72, the last 1,440 tokens pooled. Losses without dropout must be equal first: to 1e-5 of one
another. CPU seconds of one thread; a position is a token or padding that a model reads.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import torch
from fastai_peer import classifier_like, language_model_like
from harness import compare, cpu_runtime, cpu_seconds, heading, in_turns, model_config, row, sentences_of, short
from harness import parser as base_parser
from torch import Tensor
from torch.nn.functional import cross_entropy

from jptransfer.config import HeadConfig, LmTrainingConfig, ObjectiveConfig
from jptransfer.learners.losses import CrossEntropy
from jptransfer.learners.task_data import TaskData, collate
from jptransfer.learners.task_loss import TaskLoss
from jptransfer.models.encoders.awd_lstm import configuration
from jptransfer.models.pretrained import fresh_language_model
from jptransfer.models.task_models import fresh_head
from jptransfer.models.windows import Windows
from jptransfer.objectives.causal import CausalData, CausalLanguageModel
from jptransfer.tasks.base import Feature, Level
from jptransfer.tasks.classification import Classification
from jptransfer.text.encoded import EncodedSplit
from jptransfer.training.context import TrainingContext
from jptransfer.training.loop import train
from jptransfer.training.types import LoopSettings, Objective, TrainingData

VOCAB, PAD, CLS, SEP = 32000, 0, 2, 3
TOKENIZER: Any = SimpleNamespace(cls_id=CLS, sep_id=SEP, pad_id=PAD)
STREAMS, BPTT, RATE = 64, 70, 1e-3
BATCH, WINDOWS, CLASSES = 64, Windows(72, 1440), 3
TOLERANCE = 1e-5


def main() -> None:
    arguments = parse()
    torch.set_num_threads(arguments.threads)
    (language_model if arguments.what == "lm" else classifier)(arguments)


def parse() -> argparse.Namespace:
    parser = base_parser(__doc__, rounds=3)
    parser.add_argument("what", choices=["lm", "classifier"])
    parser.add_argument("text", type=Path, nargs="?")
    parser.add_argument("--model", default="")
    parser.add_argument("--steps", type=int, default=1, help="windows a round (lm)")
    parser.add_argument("--batches", type=int, default=6, help="batches of 64 texts (classifier)")
    parser.add_argument("--threads", type=int, default=1)
    return parser.parse_args()


def language_model(arguments: argparse.Namespace) -> None:
    size = model_config(arguments.model or "awd_lstm")
    torch.manual_seed(0)
    model = fresh_language_model(configuration(size, VOCAB, PAD), ObjectiveConfig("causal"))
    theirs = language_model_like(model)
    objective = ObjectiveConfig("causal")
    config = LmTrainingConfig(max_length=BPTT, batch_tokens=STREAMS * BPTT, micro_batches=1, objective=objective)
    data = CausalData(stream(arguments.steps), TOKENIZER, config)
    windows = [data.collate(batch[0], 0) for batch in data.batches(0)][:arguments.steps]
    error = lm_gate(CausalLanguageModel(config, model.eval()), model, theirs.eval(), windows[0])
    from fastai.text.models.awdlstm import awd_lstm_lm_split

    pairs = [(window["input_ids"], window["labels"].clamp_min(0)) for window in windows]
    learner = peer(theirs, pairs, awd_lstm_lm_split)
    heading(f"{arguments.model or 'awd_lstm'}, {STREAMS} streams in windows of {BPTT}, {VOCAB:,} units, CPU time, "
            f"{arguments.threads} thread(s); losses differ by at most {error:.1e} of them")
    tokens = arguments.steps * STREAMS * BPTT
    rates = in_turns({
        "ours": lambda: tokens / ours(model, CausalLanguageModel(config, model), data, arguments.steps, arguments),
        "peer": lambda: tokens / cpu_seconds(lambda: fit(learner)),
    }, arguments.rounds)
    compare("training step of the language model", "tokens/s", rates["ours"], "fastai", rates["peer"])


def stream(steps: int) -> EncodedSplit:
    """Random ids, one document, a little more than `steps` windows."""
    count = STREAMS * BPTT * steps + STREAMS
    ids = np.random.default_rng(0).integers(5, VOCAB, count).astype(np.uint16)
    return EncodedSplit(ids, np.ones(count, np.uint8), np.array([0, count]), np.array([0, 1]), VOCAB)


@torch.no_grad()
def lm_gate(objective: CausalLanguageModel, model: Any, theirs: Any, window: dict[str, Tensor]) -> float:
    loss = float(objective(model, window).terms["lm"]) / objective.units(window)["lm"]
    theirs.reset()
    scores = theirs(window["input_ids"])[0]
    expected = float(cross_entropy(scores.flatten(0, 1), window["labels"].flatten()))
    assert abs(loss - expected) < TOLERANCE * expected, (loss, expected)
    return abs(loss - expected) / expected


def classifier(arguments: argparse.Namespace) -> None:
    assert arguments.text, "TEXT is missing"
    size = model_config(arguments.model or "awd_lstm_small")
    head = HeadConfig("concat_pooling", 0.1)
    labels = [str(number) for number in range(CLASSES)]
    model = fresh_head(configuration(size, VOCAB, PAD), Classification.output, labels, head, 0, windows=WINDOWS)
    theirs = classifier_like(model, WINDOWS)
    features = list(texts(arguments.text, arguments.batches * BATCH))
    data = TaskData(features, Level.sequence, BATCH, PAD, seed=0)
    from fastai.text.models.awdlstm import awd_lstm_clas_split

    batches = sorted_batches(features)
    pairs = [padded([features[index] for index in batch]) for batch in batches]
    error = classifier_gate(model.eval(), theirs.eval(), features)
    learner = peer(theirs, pairs, awd_lstm_clas_split)
    lengths = data.lengths(0)
    heading(f"{arguments.model or 'awd_lstm_small'}, {len(features)} texts of {lengths.min()} to {lengths.max()} "
            f"tokens, mean {lengths.mean():.0f}, batches of {BATCH}, CPU time, {arguments.threads} thread(s); losses "
            f"differ by at most {error:.1e} of them")
    rates = in_turns({
        "ours": lambda: len(features) / ours(
            model, TaskLoss(CrossEntropy(torch.ones(CLASSES))), data, len(data.batches(0)), arguments),
        "peer": lambda: len(features) / cpu_seconds(lambda: fit(learner)),
    }, arguments.rounds)
    compare("classifier training", "texts/s", rates["ours"], "fastai, sorted batches", rates["peer"])
    shares = [1 - lengths.sum() / read for read in (
        sum(positions(lengths[batch[0]]) for batch in data.batches(0)), sum(positions(lengths[b]) for b in batches))]
    row("padding among the positions read", f"{shares[0]:.1%}", f"fastai: {shares[1]:.1%}",
        f"{short(shares[1] / shares[0])}x")


def texts(path: Path, count: int) -> Iterator[Feature]:
    """Yield features of the first lines; ids are random, a character each."""
    random = np.random.default_rng(0)
    for number, line in enumerate(sentences_of(path, count)):
        ids = random.integers(5, VOCAB, len(line)).tolist()
        yield Feature(number, [CLS, *ids, SEP], random.integers(CLASSES, size=1))


def sorted_batches(features: Sequence[Feature]) -> list[np.ndarray]:
    """Return the batches of fastai's loader for training."""
    from fastai.text.data import SortedDL

    np.random.seed(0)
    loader = SortedDL(features, sort_func=lambda feature: len(feature.input_ids), bs=BATCH, shuffle=True)
    order = list(loader.shuffle_fn(range(len(features))))
    return [np.array(order[start:start + BATCH]) for start in range(0, len(order), BATCH)]


def padded(features: Sequence[Feature]) -> tuple[Tensor, Tensor]:
    """Return a batch as fastai pads it."""
    from fastai.text.data import pad_input_chunk

    samples = [(torch.tensor(feature.input_ids), torch.tensor(feature.targets[0])) for feature in features]
    rows = pad_input_chunk(samples, pad_idx=PAD, pad_first=True, seq_len=WINDOWS.width)
    return torch.stack([ids for ids, _ in rows]), torch.stack([label for _, label in rows])


def positions(lengths: np.ndarray) -> int:
    """Positions that a batch's windows read: both sides begin a text at a window's border, and read none before."""
    longest, width = int(lengths.max()), WINDOWS.width
    return int((longest - (longest - lengths) // width * width).sum())


@torch.no_grad()
def classifier_gate(model: Any, theirs: Any, features: Sequence[Feature]) -> float:
    """Compare the loss of texts of which both pool everything."""
    whole = sorted((one for one in features if len(one.input_ids) <= WINDOWS.seen), key=lambda one: -len(one.input_ids))
    ids, labels = padded(whole[:BATCH])
    expected = float(cross_entropy(theirs(ids)[0], labels, reduction="sum"))
    batch = collate(whole[:BATCH], Level.sequence, PAD)
    loss = float(TaskLoss(CrossEntropy(torch.ones(CLASSES)))(model, batch).terms["label"])
    assert abs(loss - expected) < TOLERANCE * expected, (loss, expected)
    return abs(loss - expected) / expected


def ours(model: Any, objective: Objective, data: TrainingData, steps: int, arguments: argparse.Namespace) -> float:
    """CPU seconds of our loop."""
    runtime = cpu_runtime(threads=arguments.threads, checkpoint_seconds=1e9)
    with tempfile.TemporaryDirectory() as work:
        context = TrainingContext(runtime)
        settings = LoopSettings(steps, RATE, record_every=steps)
        return cpu_seconds(lambda: train(model, objective, data, settings, context, Path(work)))


def peer(model: Any, pairs: Sequence[tuple[Tensor, Tensor]], splitter: Any) -> Any:
    """Return fastai's learner over ready batches."""
    from fastai.callback.core import Callback, CancelValidException
    from fastai.callback.training import GradientClip
    from fastai.data.core import DataLoaders
    from fastai.data.load import DataLoader
    from fastai.losses import CrossEntropyLossFlat
    from fastai.text.learner import TextLearner

    class NoValidation(Callback):
        def before_validate(self) -> None:
            raise CancelValidException

    loader = DataLoader(list(pairs), bs=None, num_workers=0)
    return TextLearner(DataLoaders(loader, loader), model, loss_func=CrossEntropyLossFlat(), splitter=splitter, wd=0.01,
                       cbs=[NoValidation(), GradientClip(1.0)])


def fit(learner: Any) -> None:
    with learner.no_bar(), learner.no_logging(), contextlib.redirect_stdout(io.StringIO()):
        learner.fit(1, RATE)


if __name__ == "__main__":
    main()
