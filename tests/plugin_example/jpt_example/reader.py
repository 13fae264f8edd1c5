"""A reader: lines of a label in brackets and a text."""

from dataclasses import dataclass

from jptransfer.config.fields import setting
from jptransfer.datasets.base import RawDataset, data_files
from jptransfer.registry import DATASETS
from jptransfer.tasks.base import load_kind


@DATASETS.register("bracketed", target="read")
@dataclass
class BracketedConfig:
    """Lines of a label in brackets and a text: [good] a film."""

    brackets: str = setting("[]")
    """the opening and the closing bracket"""


def read(config):
    """Return the examples of each file."""
    kind, data = load_kind(config.kind), RawDataset({})
    opening, closing = config.bracketed.brackets
    for split, path in data_files(config).items():
        rows = [line.removeprefix(opening).split(closing, 1) for line in path.read_text(encoding="utf-8").splitlines()]
        data.splits[split] = [kind.read_target(f"{split}-{number}", text.strip(), label)
                              for number, (label, text) in enumerate(rows)]
    return data
