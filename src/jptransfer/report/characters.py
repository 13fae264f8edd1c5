"""Texts as pictures, each character on a colour."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any
from unicodedata import east_asian_width

from jptransfer.report.drawing import Figure, Theme, label

Valued = tuple[str, float]
"""A character and its value from -1 to 1; NaN: none."""
STRENGTH = 0.7
"""Strength of the colour of the largest value, under which text can still be read."""
CELLS = 80
"""Width of a line in half-width characters."""
CELL, LINE = 0.105, 0.27
"""Width of a half-width character and height of a line, in inches."""


def character_figure(texts: Sequence[Sequence[Valued]], title: str) -> Figure:
    """Return a figure of texts: orange behind negative values, blue behind positive ones, nothing at zero."""
    rows = [line for text in texts for line in [*_lines(text), []]][:-1]

    def draw(canvas: Any, theme: Theme) -> None:
        from matplotlib.colors import LinearSegmentedColormap
        from matplotlib.patches import Rectangle

        canvas.set_layout_engine("none")
        axes = canvas.add_axes((0.02, 0.02, 0.96, 0.94))
        axes.set_axis_off()
        axes.set(xlim=(0, CELLS), ylim=(len(rows) + 0.2, -1.6))
        axes.text(0, -0.9, title, va="center", fontsize=10)
        colours = LinearSegmentedColormap.from_list("signs", [theme.palette[1], theme.paper, theme.palette[0]])
        for number, row in enumerate(rows):
            place = 0
            for character, value in row:
                width = _cells(character)
                if value == value:
                    axes.add_patch(Rectangle((place, number - 0.5), width, 0.92, linewidth=0,
                                             facecolor=colours(0.5 + STRENGTH * value / 2)))
                axes.text(place + width / 2, number, label(character, 9), ha="center", va="center",
                          fontsize=9.5 + min(width, 2) / 2)
                place += width

    caption = "Orange: negative values, blue: positive ones."
    return Figure("heatmap", title, caption, CELLS * CELL, (len(rows) + 2) * LINE, draw)


def _cells(character: str) -> int:
    shown = label(character, 9)
    if shown != character and len(shown) > 1:  # the code of a character that no font has
        return len(shown)
    return 2 if east_asian_width(character) in "FWA" else 1


def _lines(text: Sequence[Valued]) -> Iterator[list[Valued]]:
    """Yield lines of at most `CELLS` half-width characters; Latin words stay whole where they can."""
    line: list[Valued] = []
    for character, value in text:
        if character == "\n" or sum(_cells(one) for one, _ in line) + _cells(character) > CELLS:
            last_space = max((place for place, (one, _) in enumerate(line) if one == " "), default=-1)
            in_word = character not in "\n " and character.isascii() and bool(line) and line[-1][0].isascii()
            rest = line[last_space + 1:] if in_word and last_space > 0 else []
            yield line[:len(line) - len(rest)]
            line = rest
        if character != "\n":
            line.append((character, value))
    yield line
