"""Examples to look at: where a model errs, where two rows differ, and entities marked in their text."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup, escape

from jptransfer.evaluation.errors import Difference, worst
from jptransfer.report.results import Results, RowResult
from jptransfer.tasks.abilities import MarksSpans
from jptransfer.tasks.base import Task

LONGEST = 400
"""Characters of a text that are shown."""


@dataclass(frozen=True)
class Answer:
    """Who says what of a text: `html` is escaped."""

    who: str
    html: Markup
    right: bool | None = None


@dataclass(frozen=True)
class Shown:
    """An example on the page; for entities the answers hold the (first) text, so `text` is empty."""

    id: str
    text: str
    answers: list[Answer]
    note: str = ""
    text_pair: str = ""


Spans = Sequence[tuple[int, int, str]]
"""Half-open character ranges with a type."""


def highlight(text: str, spans: Spans, colours: dict[str, int], agreed: Spans = ()) -> Markup:
    """Return escaped text with its spans marked, whatever their nesting or crossing.

    Args:
        spans: half-open character ranges with a type.
        colours: type -> number of its colour (class ``t<number>``).
        agreed: spans that are in gold and prediction alike; the others get the class ``differs``.
    """
    shown = text[:LONGEST]
    agreed_set = {tuple(span) for span in agreed}
    inside = sorted(((start, min(end, len(shown)), kind, (start, end, kind) in agreed_set)
                     for start, end, kind in spans if start < min(end, len(shown))),
                    key=lambda span: (span[0], -span[1]))
    borders = sorted({0, len(shown), *(border for span in inside for border in span[:2])})
    parts = [_segment(shown, start, end, [span for span in inside if span[0] <= start and end <= span[1]], colours)
             for start, end in zip(borders, borders[1:], strict=False)]
    return Markup("").join([*parts, "…" if len(text) > LONGEST else ""])


def _segment(text: str, start: int, end: int, covering: Iterable[tuple[int, int, str, bool]],
             colours: dict[str, int]) -> Markup:
    """Wrap one stretch of text in a mark for each span over it, outermost first; a span's last mark names its type."""
    html = escape(text[start:end])
    for first, last, kind, agreed in reversed(list(covering)):
        classes = f"t{colours.get(kind, 0) % 8}" + ("" if agreed else " differs")
        classes += (" first" if first == start else "") + (" last" if last == end else "")
        name = Markup("<i>{}</i>").format(kind) if last == end else Markup("")
        html = Markup('<mark class="{}" title="{}">{}{}</mark>').format(classes, kind, html, name)
    return html


def errors(results: Results, row: RowResult, limit: int) -> list[Shown]:
    """Return errors of a row's first run, the worst first (see `evaluation.errors.worst`)."""
    first = row.predictions[0]
    position = {prediction.id: index for index, prediction in enumerate(first.rows)}
    return [_error(results, row, prediction, position[prediction.id]) for prediction in worst(first, limit)]


def _error(results: Results, row: RowResult, prediction: Any, index: int) -> Shown:
    task, runs = row.predictions[0].task, [run.rows[index] for run in row.predictions]
    wrong = sum(task.error(run) > 0 for run in runs)
    note = f"wrong in {wrong} of {len(runs)} runs" if len(runs) > 1 and task.exact else ""
    if isinstance(task, MarksSpans):
        return _entities(results, prediction, [("predicted", prediction.predicted)], note)
    sure = task.confidence(prediction)
    beside = Markup("") if sure is None else Markup(" <small>{:.2f}</small>").format(sure)
    if not task.exact:
        beside = Markup(" <small>off by {}</small>").format(task.show(task.error(prediction)))
    answers = [Answer("gold", escape(task.show(prediction.gold))),
               Answer("predicted", escape(task.show(prediction.predicted)) + beside, right=False)]
    return Shown(prediction.id, _cut(prediction.text), answers, note, _cut(prediction.text_pair or ""))


def disagreements(results: Results, row: RowResult, limit: int, seed: int) -> tuple[list[Shown], list[Shown]]:
    """Return examples on which `row` does better than the baseline, and those on which it does worse, `limit` of both.

    Those with the largest difference come first; equals in an order drawn by `seed`.
    """
    comparison = row.comparison
    if comparison is None:
        return [], []
    shuffled = random.Random(seed).sample(comparison.differing, len(comparison.differing))
    shuffled.sort(key=lambda difference: (-abs(difference.gain), _key(difference.a[0]) == _key(difference.b[0])))
    better = [difference for difference in shuffled if difference.gain > 0]
    worse = [difference for difference in shuffled if difference.gain < 0]
    show = _difference_shower(results, row)
    return [show(one) for one in better[: (limit + 1) // 2]], [show(one) for one in worse[: limit // 2]]


def _difference_shower(results: Results, row: RowResult) -> Callable[[Difference], Shown]:
    task = row.predictions[0].task

    def entities(difference: Difference) -> Shown:
        answers = [(results.baseline, difference.a[0]), (row.name, difference.b[0])]
        several = max(len(difference.a), len(difference.b)) > 1
        return _entities(results, difference, answers, "first run of each row" if several else "")

    def texts(difference: Difference) -> Shown:
        votes = [Answer("gold", escape(task.show(difference.gold))),
                 _votes(task, results.baseline, difference.a, difference.gold),
                 _votes(task, row.name, difference.b, difference.gold)]
        return Shown(difference.id, _cut(difference.text), votes, text_pair=_cut(difference.text_pair or ""))

    return entities if isinstance(task, MarksSpans) else texts


def _votes(task: Task, who: str, answers: Sequence[Any], gold: Any) -> Answer:
    counted = Counter(map(task.show, answers)).most_common()
    several = len(answers) > 1 and task.exact
    html = Markup(", ").join(Markup("{}{}").format(text, f" ×{n}" if several else "") for text, n in counted)
    right = sum(answer == gold for answer in answers) * 2 > len(answers)
    return Answer(who, html, right=right if task.exact else None)


def _entities(results: Results, example: Any, answers: Sequence[tuple[str, Spans]], note: str) -> Shown:
    labels = results.rows[0].predictions[0].task.labels
    colours = {kind: number for number, kind in enumerate(labels)}
    gold = [tuple(span) for span in example.gold]
    everywhere = [span for span in gold if all(span in map(tuple, spans) for _, spans in answers)]
    shown = [Answer("gold", highlight(example.text, gold, colours, everywhere))]
    shown += [Answer(who, highlight(example.text, spans, colours, gold), _key(spans) == _key(gold))
              for who, spans in answers]
    return Shown(example.id, "", shown, note, _cut(example.text_pair or ""))


def _key(answer: Any) -> Any:
    """Return an answer for comparison: spans in any order are the same."""
    return {tuple(span) for span in answer} if isinstance(answer, list | tuple) else answer


def _cut(text: str) -> str:
    return text if len(text) <= LONGEST else text[:LONGEST] + "…"
