"""chABSA: sentences of annual reports with opinions, each of a target, a category and a polarity.

One JSON file a report: ``{"header": …, "sentences": [{"sentence_id", "sentence", "opinions": [{"target", "category",
"polarity", "from", "to"}]}]}``. A report is in one split.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

from jptransfer.config import TaskConfig
from jptransfer.corpora.error_policy import ErrorPolicy, parse_json
from jptransfer.datasets.archives import members
from jptransfer.datasets.base import RawDataset, data_files, error_policy
from jptransfer.datasets.chabsa_settings import OpinionUnit
from jptransfer.datasets.span_json import disjoint
from jptransfer.files import codec
from jptransfer.tasks.classification import TextExample
from jptransfer.tasks.ner import EntityExample
from jptransfer.tasks.spans import Span

NULL = "NULL"
"""Target of an opinion that names none."""


@dataclass(frozen=True)
class _Sentence:
    role: str
    report: str
    id: str
    where: str
    text: str
    opinions: list[dict[str, Any]]


def polarity(config: TaskConfig) -> RawDataset:
    """Read sentences with the polarity of their opinions, or one example an opinion.

    A sentence (`unit`) is positive or negative if all its opinions but neutral ones are, mixed if there are both,
    neutral if all are neutral, none without an opinion. An aspect is an opinion; its text is the target, a tab and the
    sentence.
    """
    policy = error_policy(config)
    data = RawDataset({}, policy.skipped)
    for one in _sentences(config, data, policy):
        found = [(one.id, one.text, _overall(one.opinions))]
        if config.chabsa_polarity.unit is OpinionUnit.aspect:
            found = [(f"{one.id}-{number}", f"{opinion['target']}\t{one.text}", opinion["polarity"])
                     for number, opinion in enumerate(one.opinions)]
        for id, text, label in found:
            data.splits[one.role].append(TextExample(id, text, label))
            data.groups[id] = one.report
    return data


def targets(config: TaskConfig) -> RawDataset:
    """Read the targets of opinions as entities whose type is the polarity, or the category.

    Of targets that overlap the longest stays. A target that is not where it should be is counted.
    """
    kind, policy = config.chabsa_targets.type.value, error_policy(config)
    data = RawDataset({}, policy.skipped)
    for one in _sentences(config, data, policy):
        spans = []
        for opinion in (opinion for opinion in one.opinions if opinion["target"] != NULL):
            start, end = opinion.get("from"), opinion.get("to")
            if type(start) is int and type(end) is int and start < end and one.text[start:end] == opinion["target"]:
                spans.append(Span(start, end, opinion[kind]))
            else:
                data.counts["targets not found"] += 1
        kept = disjoint(list(dict.fromkeys(spans)))
        data.counts["overlapping entities"] += len(spans) - len(kept)
        data.splits[one.role].append(EntityExample(one.id, one.text, tuple(kept)))
        data.groups[one.id] = one.report
    return data


def _overall(opinions: list[dict[str, Any]]) -> str:
    """Return the label of a sentence."""
    signs = {opinion["polarity"] for opinion in opinions}
    strong = signs - {"neutral"}
    return "mixed" if len(strong) > 1 else next(iter(strong or signs), "none")


def _sentences(config: TaskConfig, data: RawDataset, policy: ErrorPolicy) -> Iterator[_Sentence]:
    """Yield the sentences of all reports; what has another form is reported."""
    for role, path in data_files(config).items():
        data.splits.setdefault(role, [])
        for name, raw in members(path, lambda name: name.endswith(".json")):
            where, report = f"{path}: {name}", PurePosixPath(name).stem
            try:
                content = parse_json(raw.decode(codec(config.encoding)).removeprefix("\ufeff"))
            except ValueError as error:
                policy.report("malformed", where, f"not JSON ({error})")
                continue
            rows = content.get("sentences") if isinstance(content, dict) else None
            if not isinstance(rows, list):
                policy.report("malformed", where, "not an object with a list 'sentences'")
                continue
            for number, row in enumerate(rows):
                if problem := _problem(row):
                    policy.report("malformed", f"{where}: sentence {number}", problem)
                else:
                    id = f"{report}-{row.get('sentence_id', number)}"
                    yield _Sentence(role, report, id, where, row["sentence"], row["opinions"])


def _problem(row: Any) -> str:
    """Return what is wrong with a sentence, if anything."""
    if not isinstance(row, dict) or not isinstance(row.get("sentence"), str) or not row["sentence"].strip():
        return "no field 'sentence' that holds a text"
    opinions = row.get("opinions")
    if not isinstance(opinions, list) or not all(isinstance(opinion, dict) for opinion in opinions):
        return "no list 'opinions' of objects"
    lacking = [name for opinion in opinions for name in ("target", "category", "polarity")
               if not isinstance(opinion.get(name), str) or not opinion[name]]
    return f"an opinion has no text under '{lacking[0]}'" if lacking else ""
