"""Small data sets, tokenizer and encoder that tests of fine-tuning, prediction and export share."""

from __future__ import annotations

import itertools
import json
from pathlib import Path

from jptransfer.config import ModelConfig, TokenizerConfig
from jptransfer.models.encoders.bert_settings import BertModelConfig
from jptransfer.tasks.base import Task, make_task
from jptransfer.tasks.classification import TextExample
from jptransfer.tasks.files import write_examples
from jptransfer.tasks.ner import EntityExample
from jptransfer.tasks.spans import Span
from jptransfer.text.tokenizers import train_tokenizer

MODEL = ModelConfig(bert=BertModelConfig(layers=2, hidden=16, heads=2, intermediate=32, max_positions=48))
THINGS = ("部屋", "朝食", "お風呂", "駅からの道", "フロントの対応", "窓の外の景色")
JUDGEMENTS = {
    "good": ("がとても良かったです。", "は最高でした!", "に大満足"),
    "bad": ("がひどかったです。", "は二度とごめんです、本当に残念でした。", "に不満"),
}
PEOPLE = ("佐々木", "山本健", "小林")
PLACES = ("札幌", "奈良市", "横浜")


def write_dataset(folder: Path, task: Task, splits: dict[str, list]) -> Path:
    """Write a `dataset` artifact's payload."""
    folder.mkdir(parents=True, exist_ok=True)
    for split, examples in splits.items():
        write_examples(task, folder / f"{split}.parquet", examples)
    (folder / "labels.json").write_text(json.dumps(task.labels), encoding="utf-8")
    (folder / "task.json").write_text(json.dumps({"kind": task.kind, "name": "small"}), encoding="utf-8")
    return folder


def polarity_examples() -> list[TextExample]:
    """Texts of two labels that one phrase decides."""
    rows = [(label, thing + phrase) for label, phrases in JUDGEMENTS.items()
            for thing, phrase in itertools.product(THINGS, phrases)]
    return [TextExample(f"p{number}", text, label) for number, (label, text) in enumerate(rows)]


def polarity(folder: Path) -> Path:
    """A classification data set of 36 texts, every fourth one for development; its test split is unreadable."""
    examples = polarity_examples()
    task = make_task("classification", ["bad", "good"])
    write_dataset(folder, task, {"train": [e for i, e in enumerate(examples) if i % 4], "validation": examples[::4]})
    (folder / "test.parquet").write_bytes(b"not to be opened")
    return folder


def entity_examples() -> list[EntityExample]:
    """Texts with a person and a place each."""
    made = []
    for number, (person, place) in enumerate(itertools.product(PEOPLE, PLACES)):
        text = f"{person}さんは去年、{place}へ引っ越した。"
        start = text.index(place)
        spans = (Span(0, len(person), "PER"), Span(start, start + len(place), "LOC"))
        made.append(EntityExample(f"e{number}", text, spans))
    return made


def entities(folder: Path) -> Path:
    """A data set of 9 texts with entities, six for training."""
    examples = entity_examples()
    return write_dataset(folder, make_task("ner", ["LOC", "PER"]), {"train": examples[:6], "validation": examples[6:]})


def tokenizer(folder: Path) -> Path:
    """A WordPiece tokenizer trained on the texts above."""
    texts = [example.text for example in (*polarity_examples(), *entity_examples())]
    train_tokenizer(TokenizerConfig(vocab_size=200, min_frequency=1), texts).save(folder)
    return folder


def pair_examples() -> list[TextExample]:
    """Pairs of texts: whether both are about the same thing."""
    made = []
    for number, (one, other) in enumerate(itertools.product(THINGS, THINGS)):
        phrase = JUDGEMENTS["good"][number % 3]
        made.append(TextExample(f"t{number}", one + phrase, "same" if one == other else "other", f"{other}について"))
    return made


def pairs(folder: Path) -> Path:
    """A classification data set of 36 pairs of texts, every fourth one for validation."""
    examples = pair_examples()
    task = make_task("classification", ["other", "same"])
    return write_dataset(folder, task, {"train": [e for i, e in enumerate(examples) if i % 4],
                                        "validation": examples[::4]})
