"""chABSA: sentences of Japanese annual reports with opinions on their aspects (``e*_ann.json``, TIS Inc. 2018)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from jptransfer.corpora.intake import parse_json
from jptransfer.datasets.archives import members
from jptransfer.datasets.base import POOL, RawDataset, data_files, intake, reader_options
from jptransfer.tasks.classification import TextExample

if TYPE_CHECKING:
    from jptransfer.config import TaskConfig

MARKS = "【", "】"
"""What stands around the target of an opinion."""


def read(config: TaskConfig) -> RawDataset:
    """Read the folder (or tar archive) of JSON files under ``files.all``; a document is in one split.

    ``options.unit``: sentence, labelled by its opinions: positive, negative, mixed (both), neutral (neither), none (no
    opinion); or aspect, an example for each opinion, with marks around its target and the opinion's polarity as label.
    """
    unit = reader_options(config, {"unit": ("sentence", "aspect")})["unit"]
    path, trouble = data_files(config, [POOL])[POOL], intake(config)
    data = RawDataset({POOL: []}, trouble.skipped)
    for name, raw in members(path, lambda name: name.endswith(".json")):
        try:
            document = parse_json(raw.decode(config.encoding))
            made = list(_sentences(document) if unit == "sentence" else _aspects(document))
        except (ValueError, KeyError, TypeError) as error:
            problem = f"not a document of chABSA ({type(error).__name__}: {error})"
            trouble.trouble("malformed", f"{path}: {name}", problem)
            continue
        data.splits[POOL] += made
        data.groups |= {one.id: name for one in made}
    return data


def _sentences(document: Any) -> Iterator[TextExample]:
    for identity, sentence, opinions in _rows(document):
        found = {opinion["polarity"] for opinion in opinions}
        signs = found & {"positive", "negative"}
        label = "mixed" if len(signs) == 2 else next(iter(signs), "neutral" if found else "none")
        yield TextExample(identity, sentence, label)


def _aspects(document: Any) -> Iterator[TextExample]:
    for identity, sentence, opinions in _rows(document):
        for number, opinion in enumerate(opinions):
            start, end = opinion["from"], opinion["to"]
            if sentence[start:end] != opinion["target"]:
                raise ValueError(f"'{opinion['target']}' is not at {start} to {end} of sentence {identity}")
            marked = f"{sentence[:start]}{MARKS[0]}{opinion['target']}{MARKS[1]}{sentence[end:]}"
            yield TextExample(f"{identity}-{number}", marked, opinion["polarity"])


def _rows(document: Any) -> Iterator[tuple[str, str, list[Any]]]:
    """Yield id, text and opinions of each sentence."""
    name = document["header"]["document_id"]
    for row in document["sentences"]:
        yield f"{name}-{row['sentence_id']}", row["sentence"], row["opinions"]
