"""A store of artifacts as the pipeline leaves them, made of sentences written here: no model is trained."""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from jptransfer.artifacts import Manifest, fingerprint
from jptransfer.config import EvaluationConfig
from jptransfer.config.task import SPLITS
from jptransfer.evaluation.metrics import metrics_for
from jptransfer.evaluation.predictions import Predictions, write_evaluation
from jptransfer.evaluation.scoring import score_split
from jptransfer.tasks.base import Task, make_task
from jptransfer.tasks.classification import LabelPrediction, TextExample
from jptransfer.tasks.files import write_examples
from jptransfer.tasks.ner import EntityExample, EntityPrediction
from jptransfer.tasks.spans import Span

LABELS = ["否定", "中立", "肯定"]
TYPES = ["人名", "地名", "組織"]
NASTY = '<script>alert("x")</script> & 部屋は$広くて$静か'
ROWS = {"scratch": 0.55, "lm": 0.75, "adapted": 0.85}
PROVENANCE = {"jptransfer": "0.1.0", "git": {"commit": "c0ffee" * 6, "dirty": True}, "python": "3.11.9",
              "packages": {"torch": "2.13.0"}, "device": {"name": "cpu"},
              "overrides": ["+experiment=fabricated", "outputs_root=/somewhere/else", "runtime.workers=2", "seed=1"]}


class Store:
    """Writes artifacts and remembers the roles a report gets them under."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.inputs: dict[str, Path] = {}
        self.rows: list[str] = []

    def add(self, stage: str, kind: str, name: str, config: dict[str, Any], inputs: dict[str, Path],
            summary: dict[str, Any]) -> Path:
        """Write a manifest; the caller adds the payload."""
        made_of = {role: Manifest.read(folder) for role, folder in inputs.items()}
        recipe = {"stage": stage, "version": 1, "config": config,
                  "inputs": {role: one.fingerprint for role, one in made_of.items()}}
        digest = fingerprint(recipe)
        folder = self.root / kind / f"{name}-{digest[:12]}"
        folder.mkdir(parents=True)
        records = {role: {"kind": one.kind, "fingerprint": one.fingerprint} for role, one in made_of.items()}
        Manifest(kind=kind, name=name, fingerprint=digest, recipe=recipe, inputs=records, summary=summary,
                 provenance=PROVENANCE).write(folder)
        self.inputs[f"{kind}:{digest[:12]}"] = folder
        return folder


def texts(count: int) -> list[str]:
    """Reviews of hotels, each different."""
    rooms = ["部屋", "朝食", "温泉", "接客", "立地"]
    verdicts = ["残念ながら期待外れでした。", "普通でした。", "とても良かったです。"]
    found = [f"{i}回目の宿泊ですが、{rooms[i % 5]}は{verdicts[i % 3]}" for i in range(count)]
    found[0] = NASTY
    return found


def language_models(store: Store) -> dict[str, dict[str, Path]]:
    """Corpora, tokenizer, encodings, language model and adapted model; returns the extra inputs of each row."""
    corpora = {name: _corpus(store, name, size) for name, size in (("京都", 4000), ("hotel-sentences", 900))}
    summary = {"headline": "wordpiece, 8,000 units, 1.62 characters a token, 0.11% unknown",
               "values": {"vocab_size": 8000, "unknown_rate": 0.0011}}
    tokenizer = store.add("tokenize", "tokenizer", "wordpiece", {"kind": "wordpiece", "vocab_size": 8000},
                          {"corpus": corpora["京都"]}, summary)
    encoded = {name: _encoded(store, name, corpus, tokenizer) for name, corpus in corpora.items()}
    lm = _language_model(store, "pretrain", "bert-small", {"encoded": encoded["京都"], "tokenizer": tokenizer}, 8.9)
    adapted = _language_model(store, "adapt", "bert-hotel", {"encoded": encoded["hotel-sentences"], "start": lm,
                                                             "tokenizer": tokenizer}, 4.6)
    shared = {"tokenizer": tokenizer}
    return {"scratch": shared, "lm": {**shared, "language_model": lm}, "adapted": {**shared, "language_model": adapted}}


def _corpus(store: Store, name: str, sentences: int) -> Path:
    train = {"documents": sentences // 20, "sentences": sentences, "characters": sentences * 41}
    statistics = {"splits": {"train": train, "validation": {"documents": 4, "sentences": 80, "characters": 3280}},
                  "sources": {name: {"read": sentences + 99, "too short": 12, "exact duplicates": 7}}}
    folder = store.add("prepare_corpus", "corpus", name, {"corpus": {"seed": len(name)}}, {},
                       {"headline": f"{sentences:,} sentences", "values": statistics})
    (folder / "statistics.json").write_text(json.dumps(statistics, ensure_ascii=False), encoding="utf-8")
    return folder


def _encoded(store: Store, name: str, corpus: Path, tokenizer: Path) -> Path:
    lengths = np.random.default_rng(len(name)).gamma(4, 6, size=2000).astype(np.int64) + 1
    folder = store.add("encode", "encoded", name, {"encoding": {"max_sentence_tokens": 2000}},
                       {"corpus": corpus, "tokenizer": tokenizer},
                       {"headline": f"{lengths.sum():,} tokens in 2,000 sentences",
                        "values": {"vocab_size": 8000, "splits": {"train": {"tokens": int(lengths.sum())}}}})
    counts = {"vocab_size": 8000, "splits": {"train": {"tokens": int(lengths.sum()), "unknown_rate": 0.0011}}}
    (folder / "encoded.json").write_text(json.dumps(counts), encoding="utf-8")
    np.save(folder / "train.sentences.npy", np.concatenate([[0], lengths.cumsum()]))
    return folder


def _language_model(store: Store, stage: str, name: str, inputs: dict[str, Path], start: float) -> Path:
    folder = store.add(stage, "language_model", name, {"training": {"steps": 1000, "seed": 0}}, inputs, {
        "headline": "1000 steps, perplexity 21.30, 5.4M parameters",
        "values": {"steps": 1000, "perplexity": 21.3, "parameters": 5_400_000,
                   "tokens_per_second": 12345.6, "threads": 2}})
    records = []
    for step in range(50, 1001, 50):
        loss = 2.6 + (start - 2.6) * np.exp(-step / 250)
        common = {"step": step, "epoch": step / 500, "tokens": step * 4096, "seconds": step * 0.1}
        records.append({**common, "split": "train", "loss": loss + 0.1 * np.sin(step)})
        if step % 200 == 0:
            records.append({**common, "split": "validation", "loss": loss + 0.15})
    _write_history(folder, records)
    return folder


def _write_history(folder: Path, records: list[dict[str, Any]]) -> None:
    (folder / "history.jsonl").write_text("".join(json.dumps(record) + "\n" for record in records), encoding="utf-8")


def classification(root: Path, examples: int = 120, seeds: Sequence[int] = (0, 1, 2), name: str = "hotel-polarity",
                   store: Store | None = None, collapsed: tuple[str, int] | None = None) -> Store:
    """Three rows (from scratch, from the language model, from the adapted one) on three classes; the run `collapsed`
    predicts only the first one."""
    store = store or Store(root)
    task = make_task("classification", LABELS)
    rows = [TextExample(f"{name}-{i}", text, LABELS[i % 3]) for i, text in enumerate(texts(examples))]
    dataset = _dataset(store, name, task, rows)
    extra = language_models(store)
    for row, skill in ROWS.items():
        for seed in seeds:
            draw = random.Random(f"{row}{seed}")
            predictions = [_label(example, skill, draw) for example in rows]
            if (row, seed) == collapsed:
                predictions = [replace(one, predicted=LABELS[0]) for one in predictions]
            _run(store, row, seed, task, dataset, extra[row], predictions, skill)
    return store


def _label(example: TextExample, skill: float, draw: random.Random) -> LabelPrediction:
    # Every tenth text is wrong for all, so that there are errors to show.
    right = draw.random() < skill and int(example.id.split("-")[-1]) % 10
    predicted = example.label if right else draw.choice([label for label in LABELS if label != example.label])
    return LabelPrediction(example.id, example.text, example.label, predicted,
                           [0.8 if label == predicted else 0.1 for label in LABELS])


def entities(root: Path, examples: int = 60, seeds: Sequence[int] = (0, 1, 2), store: Store | None = None) -> Store:
    """The same rows on named entities."""
    store = store or Store(root)
    task = make_task("ner", TYPES)
    rows = []
    for i in range(examples):
        person, place = ["田中", "佐藤", "鈴木"][i % 3], ["京都", "札幌市", "奈良"][i % 3 - 1]
        company = "日本<b>銀行</b>"
        text = f"{person}さんは{i}年前に{place}の{company}を辞めた。"
        spans = tuple(Span(text.index(word), text.index(word) + len(word), kind)
                      for word, kind in zip((person, place, company), TYPES, strict=True))
        rows.append(EntityExample(f"ner-{i}", text, spans))
    dataset = _dataset(store, "wiki-entities", task, rows)
    extra = language_models(store) if "tokenizer" not in {key.split(":")[0] for key in store.inputs} else \
        {row: {} for row in ROWS}
    for row, skill in ROWS.items():
        for seed in seeds:
            draw = random.Random(f"{row}{seed}")
            _run(store, row, seed, task, dataset, extra[row], [_tag(one, skill, draw) for one in rows], skill)
    return store


def _tag(example: EntityExample, skill: float, draw: random.Random) -> EntityPrediction:
    found = []
    for span in example.entities or ():
        if draw.random() < skill:
            found.append(span)
        elif draw.random() < 0.7:
            found.append(Span(span.start, span.end, draw.choice(TYPES)) if draw.random() < 0.5
                         else Span(span.start, max(span.start + 1, span.end - 1), span.type))
    units = [(i, i + 1) for i in range(len(example.text))]
    return EntityPrediction(example.id, example.text, units, list(example.entities or ()), found, [0.9] * len(found))


def _dataset(store: Store, name: str, task: Task, rows: list[Any]) -> Path:
    statistics = {"read": {"all": len(rows) + 3}, "left_out": {"unknown label": 3}, "duplicates": {},
                  "splits": {split: {"examples": len(rows), "characters": 17.5} for split in SPLITS}}
    statistics["splits"]["train"] |= {"labels": dict.fromkeys(task.labels[:2], 30)}
    folder = store.add("prepare_dataset", "dataset", name, {"task": {"kind": task.kind}}, {}, {
        "headline": f"train {len(rows)}, validation {len(rows)}, test {len(rows)}; 3 labels", "values": statistics})
    for split in ("train", "validation"):
        write_examples(task, folder / f"{split}.parquet", rows)
    files = {"labels.json": task.labels, "task.json": {"kind": task.kind, "name": name}, "statistics.json": statistics}
    for file, value in files.items():
        (folder / file).write_text(json.dumps(value, ensure_ascii=False), encoding="utf-8")
    return folder


def _run(store: Store, row: str, seed: int, task: Task, dataset: Path, extra: dict[str, Path],
         predictions: list[Any], skill: float) -> None:
    model = store.add("finetune", "task_model", row, {"row": row, "seed": seed}, {"dataset": dataset, **extra},
                      {"headline": f"encoder on 120 examples, validation {task.metrics[0]} {skill:.4f}",
                       "values": {"validation": {task.metrics[0]: skill + 0.01 * seed}}})
    _write_history(model, [{"step": 10 * epoch, "epoch": epoch, "split": "validation", "loss": 1 / epoch,
                            task.metrics[0]: skill - 0.3 / epoch + 0.01 * seed} for epoch in range(1, 5)])
    evaluation = evaluate(store, row, task, {"task_model": model, "dataset": dataset}, predictions)
    store.inputs[f"evaluation:{row}:{seed}"] = evaluation
    if row not in store.rows:
        store.rows.append(row)


def evaluate(store: Store, row: str, task: Task, inputs: dict[str, Path], predictions: list[Any]) -> Path:
    """Write what the stage `evaluate` writes for these predictions of the test split."""
    folder = store.add("evaluate", "evaluation", row, {"splits": ["test"]}, inputs, {"headline": "scored"})
    scored = Predictions(task, "test", predictions)
    scores = score_split(scored, metrics_for(task), EvaluationConfig(bootstrap=50))
    write_evaluation(folder, task.metrics[0], [(scored, scores)])
    return folder
