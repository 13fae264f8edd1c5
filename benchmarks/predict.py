"""Classifying short texts: our Predictor against transformers' pipeline on the exported model, in turns.

python benchmarks/predict.py TASK_MODEL TEXT [--order file] [--texts 512] [--batch-size 32] [--rounds 3]

TASK_MODEL is the folder of an artifact, exported for the peer; TEXT has one text a line (.xz and .gz are opened).
Both go from texts to labels with probabilities, the peer in batches of 32, ours as it does by default; every round has
texts of its own. With `--order file` each 32 texts that the peer gets as a batch stand together in the file, at random
places of it; with `--order random` they come from anywhere, so that their lengths differ more. Before that the logits
must be equal to 1e-6. CPU seconds of one thread.
"""

from __future__ import annotations

import tempfile
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
import torch
from harness import compare, cpu_runtime, cpu_seconds, heading, in_turns, parser, sentences_of

from jptransfer.inference.export import export
from jptransfer.learners.prediction import load_predictor
from jptransfer.learners.scores import EncoderPredictor, score

TOLERANCE = 1e-6
GATE_TEXTS, MOST_TEXTS = 256, 100_000


def main() -> None:
    arguments = parse()
    torch.set_num_threads(arguments.threads)
    from transformers import pipeline

    predictor = load_predictor(arguments.task_model, cpu_runtime(threads=arguments.threads))
    texts = list(dict.fromkeys(sentences_of(arguments.text, MOST_TEXTS)))
    texts = in_order(texts, arguments.order, arguments.batch_size)
    needed = (arguments.rounds + 1) * arguments.texts
    assert len(texts) >= needed, f"{needed:,} texts wanted, {len(texts):,} there"
    with tempfile.TemporaryDirectory() as name:
        export(arguments.task_model, Path(name) / "model")
        peer = pipeline("text-classification", model=f"{name}/model", device="cpu", top_k=None, truncation=True,
                        max_length=predictor.limits.max_length)
    error = gate(predictor, peer, texts[-GATE_TEXTS:], arguments.batch_size)
    places = {"ours": count(), "peer": count()}

    def measure(side: str, work) -> float:
        start = next(places[side]) * arguments.texts
        chunk = texts[start:start + arguments.texts]
        return len(chunk) / cpu_seconds(lambda: work(chunk))

    mean = sum(map(len, texts)) / len(texts)
    heading(f"texts of {mean:.0f} characters, order: {arguments.order}, the peer's batches of {arguments.batch_size}, "
            f"CPU time, {arguments.threads} thread(s); logits of {GATE_TEXTS} texts differ by at most {error:.1e}")
    rates = in_turns({
        "ours": lambda: measure("ours", lambda chunk: predictor.predict(examples(predictor, chunk))),
        "peer": lambda: measure("peer", lambda chunk: peer(chunk, batch_size=arguments.batch_size)),
    }, arguments.rounds)
    compare("classify texts", "texts/s", rates["ours"], "transformers pipeline", rates["peer"])


def parse():
    made = parser(__doc__, rounds=3)
    made.add_argument("task_model", type=Path)
    made.add_argument("text", type=Path)
    made.add_argument("--order", choices=["file", "random"], default="file")
    made.add_argument("--texts", type=int, default=512)
    made.add_argument("--batch-size", type=int, default=32)
    made.add_argument("--threads", type=int, default=1)
    return made.parse_args()


def in_order(texts: list[str], order: str, batch_size: int) -> list[str]:
    """Return the texts in blocks of `batch_size` that stand in the file one after the other, or each by itself."""
    size = batch_size if order == "file" else 1
    blocks = np.random.default_rng(0).permutation(len(texts) // size)
    return [text for block in blocks for text in texts[block * size:(block + 1) * size]]


def examples(predictor: EncoderPredictor, texts: list[str]) -> list[Any]:
    return [predictor.task.example(str(number), text) for number, text in enumerate(texts)]


def gate(predictor: EncoderPredictor, peer, texts: list[str], batch_size: int) -> float:
    """Return the greatest difference of a logit, batched by either side."""
    task = predictor.task
    features = task.encode(examples(predictor, texts), predictor.tokenizer, predictor.limits)
    with torch.inference_mode():
        pad = predictor.tokenizer.pad_id
        ours = np.stack(score(predictor.model, features, task.output.level, pad, batch_size).rows)
    answers = peer(texts, batch_size=batch_size, function_to_apply="none")
    by_label = [{one["label"]: one["score"] for one in answer} for answer in answers]
    theirs = np.array([[scores[label] for label in task.outputs] for scores in by_label])
    error = float(np.abs(ours - theirs).max())
    assert error <= TOLERANCE * max(1.0, float(np.abs(theirs).max())), error
    return error


if __name__ == "__main__":
    main()
