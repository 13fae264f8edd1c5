"""Settings of a labelled data set and the task that it is used for."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from jptransfer.config.fields import setting
from jptransfer.config.text import OnError

SPLITS = ("train", "validation", "test")
"""Parts of a labelled data set."""


def oracle_epoch(split: str) -> str:
    """Return the name of `split` as the epoch with the highest score on it predicts it."""
    return f"oracle_{split}_epoch"


SCORED = (*SPLITS, *map(oracle_epoch, SPLITS))
"""What an evaluation can hold predictions and scores of."""


class WordSource(Enum):
    """Analyzer of a tagger where the files have words of their own."""

    gold = "gold"
    tokenizer = "tokenizer"


class DroppedEntities(Enum):
    """What goes with an entity whose type is renamed to nothing."""

    entity = "entity"
    sentence = "sentence"
    mask = "mask"


@dataclass
class TaskConfig:
    """A labelled data set and what is asked of it."""

    name: str = setting("task", label=True)
    """label of the artifacts"""
    kind: str = setting("classification", registry="tasks")
    """see `jpt ls kinds`"""
    dataset: str = setting("", registry="datasets")
    """reader of its official files, see `jpt ls datasets`; empty: no task"""
    files: dict[str, str] = setting(factory=dict, external=True)
    """train, validation (or dev), test, or `all` for a file that holds every split -> file, folder or archive"""
    options: dict[str, str] = setting(factory=dict)
    """settings of the reader, for example part: titles; a wrong name lists those it has"""
    text_column: str = "text"
    """text_file, yahoo_movies: name, or 0-based number where the file has no header, of the text's column"""
    label_column: str = "label"
    """text_file, yahoo_movies: name, or 0-based number where there is no header, of the label's column"""
    token_column: str = "0"
    """conll_file: 0-based number of the token's column; -1 is the last one"""
    tag_column: str = "-1"
    """conll_file: 0-based number of the tag's column; -1 is the last one"""
    labels: list[str] = setting(factory=list)
    """labels in order; empty: discovered in the training split, sorted"""
    label_map: dict[str, str] = setting(factory=dict)
    """rename labels; an empty name drops the example (classification) or the entity (ner, see `dropped_entities`)"""
    dropped_entities: DroppedEntities = setting(DroppedEntities.entity, omit_when=DroppedEntities.entity)
    """ner, an empty name in `label_map`: drop the entity, its sentence, or mask: neither learnt nor scored there"""
    word_source: WordSource = setting(WordSource.gold, omit_when=WordSource.gold)
    """ner: tag the files' own words where they have them (gold), or the tokenizer's units of the text"""
    encoding: str = "utf-8"
    """character encoding of the files"""
    separator: str = ""
    """tab, comma, semicolon, pipe, space, any character; empty: by file name (text_file), tabs, spaces (conll_file)"""
    validation_fraction: float = setting(0.1, low=0.0, high=0.9)
    """share of examples made into a validation split where the files have none"""
    test_fraction: float = setting(0.1, low=0.0, high=0.9)
    """share of examples made into a test split where the files have none"""
    stratify: bool = True
    """keep the labels' shares when a split is made (classification)"""
    seed: int = setting(0, low=0)
    """seed of splits that are made"""
    expected: dict[str, int] = setting(factory=dict)
    """split -> number of examples the files must give"""
    on_error: OnError = OnError.stop
    """malformed rows: stop with an error, or skip, count and report"""

    def validate(self) -> str:
        """Return what is wrong with the labels, if anything."""
        for number, label in enumerate(self.labels):
            if not label.strip():
                return f".labels[{number}]: a label needs a name"
            if label in self.labels[:number]:
                return f".labels: '{label}' is there twice"
        return ""
