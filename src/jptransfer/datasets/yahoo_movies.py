"""Yahoo movie reviews with a rating from 1 to 5, made binary and balanced as Bataa & Wu (2019, section 4) use them."""

from __future__ import annotations

import hashlib
from collections import defaultdict

from jptransfer.config import TaskConfig
from jptransfer.config.task import POOL
from jptransfer.corpora.error_policy import ErrorPolicy
from jptransfer.datasets.base import RawDataset, data_files, error_policy
from jptransfer.datasets.tables import first_rows, read_rows
from jptransfer.datasets.text_file_settings import TextFileConfig
from jptransfer.tasks.classification import TextExample

NEGATIVE, POSITIVE = "negative", "positive"


def read(config: TaskConfig) -> RawDataset:
    """Read JSON lines (or a table) under ``files.all``; ratings up to 2 are negative, from 4 on positive.

    Ratings between them and empty texts are left out. To balance the classes, a sample of the larger one stays, seeded
    by `seed` and independent of the file's order.
    """
    settings = config.yahoo_movies
    path, policy = data_files(config)[POOL], error_policy(config)
    columns = {"text": config.text_column, "label": config.label_column}
    layout, counts, examples = TextFileConfig(settings.separator), policy.skipped, []
    for number, (where, cells) in enumerate(read_rows(path, columns, layout, config.encoding, policy), 1):
        label = _label(cells["label"], where, policy)
        if not cells["text"].strip():
            counts["empty text"] += 1
        elif label == "":
            counts["neutral rating"] += 1
        elif label is not None:
            examples.append(TextExample(f"review-{number}", cells["text"].strip(), label))
    kept = _balanced(examples, config.seed) if settings.balance else examples
    counts["left out for balance"] += len(examples) - len(kept)
    return RawDataset({POOL: kept}, counts)


def check_files(config: TaskConfig) -> None:
    """Raise an error if the file lacks a column, or text and rating are the same one."""
    columns = {"text": config.text_column, "label": config.label_column}
    for _ in first_rows(config, columns, TextFileConfig(config.yahoo_movies.separator)):
        pass


def _label(rating: str, where: str, policy: ErrorPolicy) -> str | None:
    """Return the class of a rating: empty for the middle; None, and reported, for what is not a rating."""
    try:
        stars = float(rating)
    except ValueError:
        policy.report("malformed", where, f"the rating '{rating}' is not a number")
        return None
    return NEGATIVE if stars <= 2 else POSITIVE if stars >= 4 else ""


def _balanced(examples: list[TextExample], seed: int) -> list[TextExample]:
    """Return as many of each class as the smallest has, chosen by a seeded hash, in the given order."""
    classes: dict[str, list[TextExample]] = defaultdict(list)
    for example in sorted(examples, key=lambda one: (_rank(seed, one.text), one.id)):
        classes[example.stratum].append(example)
    size = min(map(len, classes.values()), default=0) if len(classes) > 1 else 0
    kept = {example.id for members in classes.values() for example in members[:size]}
    return [example for example in examples if example.id in kept]


def _rank(seed: int, text: str) -> bytes:
    return hashlib.sha256(f"{seed}\0{text}".encode("utf-8", "surrogatepass")).digest()
