"""The pipeline as a picture: a layered graph of artifacts, runs of one row in one box."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from textwrap import wrap

from jptransfer.registry import STAGES
from jptransfer.report.numbers import count
from jptransfer.report.sources import Source, Sources

BOX_WIDTH, BOX_HEIGHT, GAP_X, GAP_Y, LANE = 142, 74, 26, 16, 12
NAME_COLUMNS, NOTE_COLUMNS = 20, 23
"""Columns of text (a wide character fills two) that fit in a box, by the size of the letters."""


@dataclass(eq=False)
class Box:
    """A node: one artifact, or all runs of a row at one stage; without sources, a bend of a long edge.

    Attributes:
        note: key numbers.
        layer: column, 0 at the left. `order`: place in the column. `x`, `y`: upper left corner in pixels.
    """

    key: tuple[str, ...]
    sources: list[Source]
    note: str = ""
    layer: int = 0
    order: float = 0.0
    x: int = 0
    y: int = 0
    before: list[Box] = field(default_factory=list)

    @property
    def width(self) -> int:
        """Pixels."""
        return BOX_WIDTH

    @property
    def height(self) -> int:
        """Pixels."""
        return BOX_HEIGHT if self.sources else LANE

    @property
    def lines(self) -> list[str]:
        """The text in the box: stage, name, id, and up to two lines of key numbers."""
        first, several = self.sources[0].manifest, len(self.sources) > 1
        title = STAGES.load(first.stage).title if first.stage in STAGES else first.stage
        name = first.name if self.key[1:] == (first.fingerprint,) else ", ".join(self.key[1:])
        ids = f"{count(len(self.sources), 'run')}, {first.id[:6]} …" if several else first.id
        return [title, shorten(name, NAME_COLUMNS), ids, *_two_lines(self.note)]

    @property
    def full(self) -> str:
        """Everything that the box stands for, a line an artifact."""
        return "\n".join(f"{one.manifest.stage} {one.manifest.name}-{one.manifest.id}: "
                         f"{one.manifest.summary.get('headline', '')}" for one in self.sources)


@dataclass(frozen=True)
class Graph:
    """Boxes with places, edges as SVG path data, and the size of the drawing in pixels."""

    boxes: list[Box]
    edges: list[str]
    width: int
    height: int


def shorten(text: str, limit: int) -> str:
    """Return `text`, cut with an ellipsis if it fills more than `limit` columns (wide characters fill two)."""
    from rich.text import Text

    shown = Text(text, end="")
    shown.truncate(limit, overflow="ellipsis")
    return shown.plain


def _two_lines(text: str) -> list[str]:
    lines = wrap(text, NOTE_COLUMNS)
    return [shorten(line, NOTE_COLUMNS) for line in (lines if len(lines) <= 2 else [lines[0], " ".join(lines[1:])])]


def lineage(sources: Sources, notes: Mapping[tuple[str, ...], str]) -> Graph:
    """Lay out everything the report was made from, inputs at the left.

    Args:
        notes: (stage, row) -> key numbers of that row's runs; other boxes show their artifact's headline.
    """
    boxes = _boxes(sources)
    for box in boxes:
        box.note = notes.get(box.key[:2], "") or box.sources[0].manifest.summary.get("headline", "")
    _set_layers(boxes)
    everything = _with_bends(boxes)
    layers = [[box for box in everything if box.layer == layer] for layer in range(1 + max(b.layer for b in boxes))]
    _order(layers)
    height = _place(layers)
    edges = [_path(start, end) for end in everything for start in end.before]
    return Graph(boxes, edges, len(layers) * (BOX_WIDTH + GAP_X) - GAP_X + 2, height)


def _boxes(sources: Sources) -> list[Box]:
    lent = {source.manifest.inputs.get("transfer", {}).get("fingerprint") for source in sources.artifacts.values()}
    found: dict[tuple[str, ...], Box] = {}
    home: dict[str, Box] = {}
    for source in sources.artifacts.values():
        stage = source.manifest.stage
        rows = sources.rows_behind.get(source.fingerprint, [])
        # What another model took layers from has a box of its own, as what is made once for all runs.
        by_row = stage in STAGES and STAGES.load(stage).per_run and source.fingerprint not in lent
        key = (stage, *rows) if by_row else (stage, source.fingerprint)
        home[source.fingerprint] = found.setdefault(key, Box(key, []))
        home[source.fingerprint].sources.append(source)
    for box in found.values():
        inputs = (home[one.fingerprint] for source in box.sources for one in sources.inputs(source).values())
        box.before = list({id(one): one for one in inputs if one is not box}.values())
    return list(found.values())


def _set_layers(boxes: list[Box]) -> None:
    """Put what nothing is made of in the last column, all else just left of the first box that needs it."""
    after: dict[int, list[Box]] = {}
    for box in boxes:
        for one in box.before:
            after.setdefault(id(one), []).append(box)
    found: dict[int, int] = {}

    def from_the_right(box: Box) -> int:
        if id(box) not in found:
            found[id(box)] = 1 + max(map(from_the_right, after.get(id(box), [])), default=-1)
        return found[id(box)]

    last = max(map(from_the_right, boxes))
    for box in boxes:
        box.layer = last - from_the_right(box)


def _with_bends(boxes: list[Box]) -> list[Box]:
    """Return boxes and bends; a long edge becomes a chain of bends, shared by edges from the same box."""
    bends: dict[tuple[int, int], Box] = {}
    for box in boxes:
        box.before = [_chain(one, box.layer, bends) for one in box.before]
    return boxes + list(bends.values())


def _chain(start: Box, layer: int, bends: dict[tuple[int, int], Box]) -> Box:
    current = start
    for between in range(start.layer + 1, layer):
        key = (id(start), between)
        if key not in bends:
            bends[key] = Box(start.key, [], layer=between, before=[current])
        current = bends[key]
    return current


def _order(layers: list[list[Box]], sweeps: int = 4) -> None:
    """Order each layer by the mean place of its neighbours, to the left and to the right in turn (Sugiyama 1981)."""
    for layer in layers:
        _number(layer)
    for _ in range(sweeps):
        for layer in layers[1:]:
            _sort(layer, lambda box: box.before)
        for left, right in reversed(list(zip(layers, layers[1:], strict=False))):
            _sort(left, partial(_after, right))


def _sort(layer: list[Box], neighbours: Callable[[Box], list[Box]]) -> None:
    def mean(box: Box) -> float:
        found = [other.order for other in neighbours(box)]
        return sum(found) / len(found) if found else box.order

    layer.sort(key=mean)
    _number(layer)


def _after(layer: list[Box], box: Box) -> list[Box]:
    return [other for other in layer if box in other.before]


def _number(layer: list[Box]) -> None:
    for place, box in enumerate(layer):
        box.order = (place + 0.5) / len(layer)


def _place(layers: list[list[Box]]) -> int:
    heights = [sum(box.height + GAP_Y for box in layer) - GAP_Y for layer in layers]
    for number, (layer, height) in enumerate(zip(layers, heights, strict=True)):
        y = (max(heights) - height) // 2 + 1
        for box in layer:
            box.x, box.y = 1 + number * (BOX_WIDTH + GAP_X), y
            y += box.height + GAP_Y
    return max(heights) + 2


def _path(start: Box, end: Box) -> str:
    x1, y1, x2, y2 = start.x + BOX_WIDTH, start.y + start.height // 2, end.x, end.y + end.height // 2
    middle = (x1 + x2) // 2
    through = f" H{end.x + BOX_WIDTH}" if not end.sources else ""
    return f"M{x1} {y1} C{middle} {y1} {middle} {y2} {x2} {y2}{through}"


def steps(sources: Sources) -> Iterator[tuple[str, list[Source]]]:
    """Yield stage and artifacts, in the order of the pipeline, for the section on reproducing."""
    by_stage: dict[str, list[Source]] = {}
    for source in sources.artifacts.values():
        by_stage.setdefault(source.manifest.stage, []).append(source)
    order = [*STAGES, *by_stage]  # a stage of a plugin that is not here comes last
    yield from ((stage, by_stage[stage]) for stage in dict.fromkeys(order) if stage in by_stage)
