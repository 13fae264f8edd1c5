"""Named-entity recognition: typed spans of a text, learnt as IOB2 tags over units.

Units are the gold tokens of pre-tokenised data, else the tokenizer's pieces; each is scored once, at its first piece.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from jptransfer.config import DroppedEntities, TruncationSide
from jptransfer.errors import ConfigError
from jptransfer.tasks.base import IGNORED, Feature, Level, log_softmax, summarise
from jptransfer.tasks.spans import Span, chunks, tag_names, tag_units, to_characters, to_units
from jptransfer.tasks.units import cut, windows

if TYPE_CHECKING:
    import pyarrow

    from jptransfer.text.types import Tokenizer

@dataclass(frozen=True)
class EntityExample:
    """A text, its entities in order (None: unknown), its gold tokens as character ranges (None: raw text).

    A span without a type is masked: what is there is not known, so nothing is learnt and no prediction counts.
    """

    id: str
    text: str
    entities: tuple[Span, ...] | None
    tokens: tuple[tuple[int, int], ...] | None = None
    stratum: str = ""


@dataclass(frozen=True)
class EntityPrediction:
    """Gold (None: unknown) and predicted entities, the units predicted on, each prediction's probability."""

    id: str
    text: str
    tokens: list[tuple[int, int]]
    gold: list[Span] | None
    predicted: list[Span]
    scores: list[float]


class EntityRecognition:
    """Entities as character spans; the head has one output an IOB2 tag."""

    kind = "ner"
    level = Level.token
    metric = "entity_f1"
    example_type = EntityExample
    fewest_labels = 1

    def __init__(self, labels: Sequence[str]) -> None:
        self.labels = list(labels)
        self.outputs = tag_names(self.labels)
        self._index = {tag: index for index, tag in enumerate(self.outputs)}

    @staticmethod
    def labels_of(example: EntityExample) -> list[str]:
        """The type of each entity."""
        return [entity.type for entity in example.entities or () if entity.type]

    @staticmethod
    def relabel(example: EntityExample, names: Mapping[str, str],
                dropped_entities: DroppedEntities = DroppedEntities.entity) -> EntityExample | None:
        """Rename types; an empty name drops the entity, drops the sentence, or masks the span."""
        renamed = tuple(entity._replace(type=names.get(entity.type, entity.type)) for entity in example.entities or ())
        if dropped_entities is DroppedEntities.sentence and not all(entity.type for entity in renamed):
            return None
        masked = dropped_entities is DroppedEntities.mask
        kept = renamed if masked else tuple(entity for entity in renamed if entity.type)
        return replace(example, entities=kept)

    @staticmethod
    def statistics(examples: Sequence[EntityExample]) -> dict[str, Any]:
        """Examples, entities by type, mean length, entities and gold tokens in all."""
        return summarise(examples, EntityRecognition.labels_of) | {
            "entities": sum(len(EntityRecognition.labels_of(example)) for example in examples),
            "tokens": sum(len(example.tokens or ()) for example in examples),
        }

    def features(self, examples: Sequence[EntityExample], tokenizer: Tokenizer,
                 max_length: int, truncation_side: TruncationSide = TruncationSide.right) -> list[Feature]:
        """One feature or more an example: overlapping windows of whole units between special tokens.

        A unit that two windows hold is scored in the one where it stands further from the border; all of a text stays.
        """
        return [
            feature
            for index, example in enumerate(examples)
            for feature in self._windows(index, example, tokenizer, max_length - len(tokenizer.template))
        ]

    def _windows(self, index: int, example: EntityExample, tokenizer: Tokenizer,
                 room: int) -> Iterator[Feature]:
        pieces, units, firsts = cut(example.text, example.tokens, tokenizer)
        targets = self._targets(example, units)
        borders = [*firsts, len(pieces)]
        for window in windows(borders, room):
            begin = borders[window.first]
            stop = min(borders[window.last], begin + room)
            ids = tokenizer.template.around(pieces.ids[begin:stop])
            labels = [IGNORED] * len(ids)
            positions = [borders[unit] - begin + len(tokenizer.template.before) for unit in window.scored]
            for unit, position in zip(window.scored, positions, strict=True):
                labels[position] = targets[unit]
            yield Feature(index, ids, labels, positions, [units[unit] for unit in window.scored],
                          truncated=borders[window.last] - stop, special=tokenizer.template.places(stop - begin))

    def _targets(self, example: EntityExample, units: Sequence[tuple[int, int]]) -> list[int]:
        if example.entities is None:
            return [IGNORED] * len(units)
        spans, _ = to_units(example.entities, units)
        targets = [self._index[tag] for tag in tag_units(len(units), [span for span in spans if span.type])]
        for start, end, _ in (span for span in spans if not span.type):
            targets[start:end] = [IGNORED] * (end - start)
        return targets

    def report(self, examples: Sequence[EntityExample], features: Sequence[Feature]) -> dict[str, int]:
        """Entities, those off the units' borders (never predicted exactly), windows, units cut short."""
        units = _units_by_example(features)
        gold = [(index, _typed(example.entities)) for index, example in enumerate(examples) if example.entities]
        return {
            "examples": len(examples),
            "windows": len(features),
            "truncated": sum(feature.truncated > 0 for feature in features),
            "entities": sum(len(entities) for _, entities in gold),
            "misaligned": sum(to_units(entities, units[index])[1] for index, entities in gold),
        }

    def decode(self, features: Sequence[Feature], scores: Sequence[np.ndarray], examples: Sequence[EntityExample],
               paths: Sequence[np.ndarray] | None = None) -> list[EntityPrediction]:
        """Each unit's tag, the most probable one or that of `paths`, read as chunks.

        An entity's probability is its tags' product.
        """
        units = _units_by_example(features)
        rows: dict[int, list[np.ndarray]] = defaultdict(list)
        tags: dict[int, list[np.ndarray]] = defaultdict(list)
        for number, (feature, score) in enumerate(zip(features, scores, strict=True)):
            rows[feature.example].append(np.asarray(score)[feature.positions])
            decided = rows[feature.example][-1].argmax(axis=1) if paths is None else paths[number][feature.positions]
            tags[feature.example].append(decided)
        return [self._predict(example, units[index], rows[index], tags[index])
                for index, example in enumerate(examples)]

    def _predict(self, example: EntityExample, units: list[tuple[int, int]], rows: list[np.ndarray],
                 tags: list[np.ndarray]) -> EntityPrediction:
        found: list[Span] = []
        probabilities: list[float] = []
        if units:
            logs = log_softmax(np.concatenate(rows))
            best = np.concatenate(tags)
            found = chunks(self.outputs[tag] for tag in best)
            top = logs[np.arange(len(best)), best]
            probabilities = [float(np.exp(top[start:end].sum())) for start, end, _ in found]
        masks = [span for span in example.entities or () if not span.type]
        pairs = zip(to_characters(found, units), probabilities, strict=True)
        told = [(span, probability) for span, probability in pairs
                if all(span.end <= mask.start or mask.end <= span.start for mask in masks)]
        gold = None if example.entities is None else _typed(example.entities)
        return EntityPrediction(example.id, example.text, units, gold, [span for span, _ in told],
                                [probability for _, probability in told])

    def average(self, predictions: Sequence[Sequence[EntityPrediction]]) -> list[EntityPrediction]:
        """Not for entities: models may cut a text into different units."""
        raise ConfigError("probabilities of classes can be averaged, entities cannot")

    def collapsed(self, predictions: Sequence[EntityPrediction]) -> str:
        """Say so if no entity is found in any text, although there are some."""
        found = any(row.predicted for row in predictions)
        return "finds no entity" if not found and any(row.gold for row in predictions) else ""

    def example(self, id: str, text: str) -> EntityExample:
        """An example of raw text without gold."""
        return EntityExample(id, text, None)

    def example_schema(self) -> pyarrow.Schema:
        """Columns id, text, tokens, entities."""
        import pyarrow as pa

        return pa.schema([("id", pa.string()), ("text", pa.string()), ("tokens", _ranges()),
                          ("entities", _spans())])

    def prediction_schema(self) -> pyarrow.Schema:
        """Columns id, text, tokens, gold, prediction, probability (of each predicted entity)."""
        import pyarrow as pa

        return pa.schema([("id", pa.string()), ("text", pa.string()), ("tokens", _ranges()),
                          ("gold", _spans()), ("prediction", _spans()), ("probability", pa.list_(pa.float64()))])

    def example_row(self, example: EntityExample) -> dict[str, Any]:
        """The example's fields, ranges and spans as structs."""
        return {"id": example.id, "text": example.text, "tokens": _range_structs(example.tokens),
                "entities": _span_structs(example.entities)}

    def read_example(self, row: dict[str, Any]) -> EntityExample:
        """Inverse of `example_row`."""
        entities = None if row["entities"] is None else tuple(_read_spans(row["entities"]))
        tokens = None if row["tokens"] is None else tuple(_read_ranges(row["tokens"]))
        return EntityExample(row["id"], row["text"], entities, tokens)

    def prediction_row(self, prediction: EntityPrediction) -> dict[str, Any]:
        """The prediction's fields, ranges and spans as structs."""
        return {"id": prediction.id, "text": prediction.text, "tokens": _range_structs(prediction.tokens),
                "gold": _span_structs(prediction.gold), "prediction": _span_structs(prediction.predicted),
                "probability": prediction.scores}

    def read_prediction(self, row: dict[str, Any]) -> EntityPrediction:
        """Inverse of `prediction_row`."""
        gold = None if row["gold"] is None else _read_spans(row["gold"])
        return EntityPrediction(row["id"], row["text"], _read_ranges(row["tokens"]), gold,
                                _read_spans(row["prediction"]), row["probability"])


def _typed(spans: Sequence[Span]) -> list[Span]:
    return [span for span in spans if span.type]


def _units_by_example(features: Sequence[Feature]) -> dict[int, list[tuple[int, int]]]:
    units: dict[int, list[tuple[int, int]]] = defaultdict(list)
    for feature in features:
        units[feature.example].extend(feature.units)
    return units


def _ranges() -> pyarrow.DataType:
    import pyarrow as pa

    return pa.list_(pa.struct([("start", pa.int32()), ("end", pa.int32())]))


def _spans() -> pyarrow.DataType:
    import pyarrow as pa

    return pa.list_(pa.struct([("start", pa.int32()), ("end", pa.int32()), ("type", pa.string())]))


def _range_structs(ranges: Sequence[tuple[int, int]] | None) -> list[dict[str, int]] | None:
    return None if ranges is None else [{"start": start, "end": end} for start, end in ranges]


def _span_structs(spans: Sequence[Span] | None) -> list[dict[str, Any]] | None:
    return None if spans is None else [span._asdict() for span in spans]


def _read_ranges(rows: list[dict[str, int]]) -> list[tuple[int, int]]:
    return [(row["start"], row["end"]) for row in rows]


def _read_spans(rows: list[dict[str, Any]]) -> list[Span]:
    return [Span(row["start"], row["end"], row["type"]) for row in rows]
