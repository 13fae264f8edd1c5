"""Named-entity recognition: typed spans of a text, learnt as IOB2 tags over units.

Units are the gold tokens of pre-tokenised data, else the tokenizer's pieces; each is scored once, at its first piece.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from jptransfer.config.task import DroppedEntities
from jptransfer.tasks import conlleval
from jptransfer.tasks.base import IGNORED, Feature, Level, Limits, Output, log_softmax, summarise
from jptransfer.tasks.entity_rows import (
    bare_spans,
    one_word,
    range_structs,
    ranges_type,
    read_ranges,
    read_spans,
    span_structs,
    spans_type,
)
from jptransfer.tasks.outcomes import Outcomes, SpanOutcomes
from jptransfer.tasks.spans import Span, chunks, tag_names, tag_units, to_characters, to_units
from jptransfer.tasks.units import cut, windows
from jptransfer.text.inputs import kept_range

if TYPE_CHECKING:
    import pyarrow

    from jptransfer.text.types import Tokenizer


@dataclass(frozen=True)
class EntityExample:
    """A text, its entities in order (None: unknown), its gold tokens as character ranges (None: raw text).

    A second text is context alone: entities are those of the first one. A span without a type is masked: what is there
    is not known, so nothing is learnt and no prediction counts.
    """

    id: str
    text: str
    entities: tuple[Span, ...] | None
    tokens: tuple[tuple[int, int], ...] | None = None
    stratum: str = ""
    text_pair: str | None = None


@dataclass(frozen=True)
class EntityPrediction:
    """Gold (None: unknown) and predicted entities, the units predicted on, each prediction's probability."""

    id: str
    text: str
    tokens: list[tuple[int, int]]
    gold: list[Span] | None
    predicted: list[Span]
    scores: list[float]
    text_pair: str | None = None


class EntityRecognition:
    """Entities as character spans; the head has one output per IOB2 tag."""

    kind: ClassVar[str] = "ner"
    output: ClassVar[Output] = Output(Level.token, "cross_entropy", "AutoModelForTokenClassification",
                                      "token-classification", head="token")
    metrics: ClassVar[tuple[str, ...]] = ("entity_f1", "entity_precision", "entity_recall", "macro_f1")
    example_type: ClassVar[type] = EntityExample
    outcomes_type: ClassVar[type[Outcomes]] = SpanOutcomes
    fewest_labels: ClassVar[int] = 1
    exact: ClassVar[bool] = True

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

    def encode(self, examples: Sequence[EntityExample], tokenizer: Tokenizer, limits: Limits) -> list[Feature]:
        """One feature or more per example: overlapping windows of whole units between special tokens.

        A unit that two windows hold is scored in the one where it stands further from the border; all of a text stays.
        A second text is in every window, cut to half of it if both texts together are too long.
        """
        return [
            feature
            for index, example in enumerate(examples)
            for feature in self._windows(index, example, tokenizer, limits)
        ]

    def _windows(self, index: int, example: EntityExample, tokenizer: Tokenizer,
                 limits: Limits) -> Iterator[Feature]:
        pieces, units, firsts = cut(example.text, example.tokens, tokenizer)
        template = tokenizer.template
        pair = tokenizer.encode(example.text_pair).ids if example.text_pair else None
        room = max(0, limits.max_length - len(template.frame(pair is not None)))
        lost = 0
        if pair is not None:
            first, last = kept_range(len(pair), min(len(pair), max(room // 2, room - len(pieces))),
                                     limits.truncation_side)
            pair, lost = pair[first:last], len(pair) - (last - first)
            room -= len(pair)
        targets = self._targets(example, units)
        borders = [*firsts, len(pieces)]
        for window in windows(borders, room):
            begin = borders[window.first]
            stop = min(borders[window.last], begin + room)
            made = template.join(pieces.ids[begin:stop], pair)
            labels = np.full(len(made.ids), IGNORED, dtype=np.int64)
            positions = [borders[unit] - begin + made.places[0][0] for unit in window.scored]
            for unit, position in zip(window.scored, positions, strict=True):
                labels[position] = targets[unit]
            yield Feature(index, made.ids, labels, positions, [units[unit] for unit in window.scored],
                          borders[window.last] - stop + lost, made.type_ids, made.special)
            lost = 0  # counted once

    def _targets(self, example: EntityExample, units: Sequence[tuple[int, int]]) -> list[int]:
        if example.entities is None:
            return [IGNORED] * len(units)
        spans, _ = to_units(example.entities, units)
        targets = [self._index[tag] for tag in tag_units(len(units), [span for span in spans if span.type])]
        for start, end, _ in (span for span in spans if not span.type):
            targets[start:end] = [IGNORED] * (end - start)
        return targets

    def encoding_counts(self, examples: Sequence[EntityExample], features: Sequence[Feature]) -> dict[str, int]:
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
                                [probability for _, probability in told], example.text_pair)

    def check_training(self, examples: Sequence[EntityExample]) -> str:
        """Any examples will do: texts without entities are learnt from too."""
        return ""

    def outcomes(self, predictions: Sequence[EntityPrediction]) -> SpanOutcomes:
        """Gold and predicted entities, and the units that were scored."""
        return SpanOutcomes([one.gold for one in predictions], [one.predicted for one in predictions], self.labels,
                            [one.tokens for one in predictions])

    def error(self, prediction: EntityPrediction) -> float:
        """Missed and spurious entities; one with a wrong border or type is both."""
        return float(len(set(map(tuple, prediction.gold or ())) ^ set(map(tuple, prediction.predicted))))

    def confidence(self, prediction: EntityPrediction) -> None:
        """A text has several entities, and each its own probability."""

    def show(self, answer: Sequence[Span]) -> str:
        """Ranges and types."""
        return " ".join(f"{start}:{end}:{kind}" for start, end, kind in answer)

    def details(self, outcomes: SpanOutcomes) -> dict[str, Any]:
        """`per_label`."""
        return {"per_label": outcomes.per_label()}

    def text_reports(self, outcomes: SpanOutcomes) -> dict[str, str]:
        """What the conlleval script prints for IOB2 tags of the units that entities were predicted on."""
        tags = list(outcomes.tags())
        return {"conlleval": str(conlleval.score([gold for gold, _ in tags], [predicted for _, predicted in tags]))}

    def spans(self, prediction: EntityPrediction) -> list[tuple[Span, float]]:
        """The predicted entities, without white space at their ends, each with its probability."""
        return list(bare_spans(prediction.text, prediction.predicted, prediction.scores))

    def units(self, prediction: EntityPrediction) -> list[tuple[int, int]]:
        """Character ranges of the units that were scored."""
        return prediction.tokens

    @property
    def columns(self) -> list[str]:
        """entities."""
        return ["entities"]

    def cells(self, prediction: EntityPrediction) -> list[str]:
        """``start:end:probability:type`` for each entity, separated by spaces; spaces in types are written ``_``."""
        return [" ".join(f"{start}:{end}:{score:.6f}:{one_word(kind)}"
                         for (start, end, kind), score in self.spans(prediction))]

    def values(self, prediction: EntityPrediction) -> dict[str, Any]:
        """entities: a list of objects with start, end, type, text and score, the probability."""
        return {"entities": [{"start": start, "end": end, "type": kind, "text": prediction.text[start:end],
                              "score": score} for (start, end, kind), score in self.spans(prediction)]}

    def collapsed(self, predictions: Sequence[EntityPrediction]) -> str:
        """Say so if no entity is found in any text, although there are some."""
        found = any(row.predicted for row in predictions)
        return "finds no entity" if not found and any(row.gold for row in predictions) else ""

    def example(self, id: str, text: str, text_pair: str | None = None) -> EntityExample:
        """An example of raw text without gold."""
        return EntityExample(id, text, None, text_pair=text_pair)

    @staticmethod
    def without_tokens(example: EntityExample) -> EntityExample:
        """The example as raw text."""
        return replace(example, tokens=None)

    def example_schema(self) -> pyarrow.Schema:
        """Columns id, text, tokens, entities."""
        import pyarrow as pa

        return pa.schema([("id", pa.string()), ("text", pa.string()), ("tokens", ranges_type()),
                          ("entities", spans_type())])

    def prediction_schema(self) -> pyarrow.Schema:
        """Columns id, text, tokens, gold, prediction, probability (of each predicted entity)."""
        import pyarrow as pa

        return pa.schema([("id", pa.string()), ("text", pa.string()), ("tokens", ranges_type()), ("gold", spans_type()),
                          ("prediction", spans_type()), ("probability", pa.list_(pa.float64()))])

    def example_row(self, example: EntityExample) -> dict[str, Any]:
        """The example's fields, ranges and spans as structs."""
        return {"id": example.id, "text": example.text, "tokens": range_structs(example.tokens),
                "entities": span_structs(example.entities)}

    def read_example(self, row: dict[str, Any]) -> EntityExample:
        """Inverse of `example_row`."""
        entities = None if row["entities"] is None else tuple(read_spans(row["entities"]))
        tokens = None if row["tokens"] is None else tuple(read_ranges(row["tokens"]))
        return EntityExample(row["id"], row["text"], entities, tokens)

    def prediction_row(self, prediction: EntityPrediction) -> dict[str, Any]:
        """The prediction's fields, ranges and spans as structs."""
        return {"id": prediction.id, "text": prediction.text, "tokens": range_structs(prediction.tokens),
                "gold": span_structs(prediction.gold), "prediction": span_structs(prediction.predicted),
                "probability": prediction.scores}

    def read_prediction(self, row: dict[str, Any]) -> EntityPrediction:
        """Inverse of `prediction_row`."""
        gold = None if row["gold"] is None else read_spans(row["gold"])
        return EntityPrediction(row["id"], row["text"], read_ranges(row["tokens"]), gold,
                                read_spans(row["prediction"]), row["probability"])


def _typed(spans: Sequence[Span]) -> list[Span]:
    return [span for span in spans if span.type]


def _units_by_example(features: Sequence[Feature]) -> dict[int, list[tuple[int, int]]]:
    units: dict[int, list[tuple[int, int]]] = defaultdict(list)
    for feature in features:
        units[feature.example].extend(feature.units)
    return units
