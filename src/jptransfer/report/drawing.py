"""How figures look and how they are saved: Japanese glyphs, a palette for all eyes, the same bytes each time."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jptransfer.resources import japanese_font

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure as Canvas

MARKERS = "osD^vPX*"
LATIN = "DejaVu Sans"


@dataclass(frozen=True)
class Theme:
    """Colours of text, grid, paper and series; `ramp` is the matplotlib colour map of shares, `red` what got worse.

    The series' colours are told apart with any colour vision: Okabe & Ito (2008), yellow and black replaced; lighter
    tones of the same hues on dark paper.
    """

    ink: str
    faint: str
    paper: str
    ramp: str
    palette: tuple[str, ...]
    red: str

    def colour(self, index: int) -> str:
        """Return the colour of row or series number `index`."""
        return self.palette[index % len(self.palette)]


LIGHT = Theme("#1f2328", "#d5dae0", "#ffffff", "Blues",
              ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#8c6bb1", "#7f7f7f"), "#c62828")
DARK = Theme("#e6e9ee", "#3a414b", "#161a20", "Blues_r",
             ("#4aa8e0", "#f08a4b", "#3cc79a", "#e3a1c6", "#f2b84b", "#8fd0f5", "#b79ae0", "#a8a8a8"), "#ff7a70")


@dataclass(frozen=True)
class Figure:
    """A figure that can be drawn in either theme.

    Attributes:
        name: stem of its files.
        title: what it shows, in a few words. `caption`: how to read it.
        width, height: in inches.
        draw: puts it on an empty canvas.
    """

    name: str
    title: str
    caption: str
    width: float
    height: float
    draw: Callable[[Canvas, Theme], Any]


def marker(index: int) -> str:
    """Return the marker of row or series number `index`, so that colour is never the only difference."""
    return MARKERS[index % len(MARKERS)]


@cache
def _japanese_font() -> str:
    from matplotlib import font_manager

    path = japanese_font()
    font_manager.fontManager.addfont(path)
    return font_manager.FontProperties(fname=path).get_name()


@contextmanager
def style(theme: Theme) -> Iterator[None]:
    """Draw and save in the house style inside this context; nothing outside of it changes."""
    import matplotlib

    settings: dict[Any, Any] = {
        "font.family": [LATIN, _japanese_font()], "font.size": 10, "axes.titlesize": 11, "axes.titlelocation": "left",
        "axes.spines.top": False, "axes.spines.right": False, "axes.grid": True, "axes.axisbelow": True,
        "grid.color": theme.faint, "grid.linewidth": 0.7, "axes.edgecolor": theme.faint, "axes.labelcolor": theme.ink,
        "axes.titlecolor": theme.ink, "text.color": theme.ink, "xtick.color": theme.ink, "ytick.color": theme.ink,
        "figure.facecolor": theme.paper, "axes.facecolor": theme.paper, "savefig.facecolor": theme.paper,
        "legend.frameon": False, "lines.linewidth": 1.8, "figure.constrained_layout.use": True,
        # Labels come from data: a dollar sign is a dollar sign.
        "text.parse_math": False, "axes.unicode_minus": True, "svg.fonttype": "path", "svg.hashsalt": "jptransfer",
    }
    with matplotlib.rc_context(settings):
        yield


@lru_cache(maxsize=64)
def render(figure: Figure, kind: str, theme: Theme = LIGHT) -> bytes:
    """Return the figure as ``png`` (200 dots an inch) or ``svg``: the same bytes whenever the same thing is drawn."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure as Canvas

    with style(theme):
        canvas = Canvas(figsize=(figure.width, figure.height))
        FigureCanvasAgg(canvas)
        figure.draw(canvas, theme)
        stream = io.BytesIO()
        metadata = {"Software": None} if kind == "png" else {"Date": None, "Creator": None}
        canvas.savefig(stream, format=kind, dpi=200, metadata=metadata)
    return stream.getvalue()


def save(figure: Figure, folder: Path) -> None:
    """Write ``<name>.png`` and ``<name>.svg``."""
    for kind in ("png", "svg"):
        (folder / f"{figure.name}.{kind}").write_bytes(render(figure, kind, LIGHT))


@cache
def _glyphs() -> frozenset[int]:
    from matplotlib import font_manager, ft2font

    paths = [font_manager.findfont(name) for name in (LATIN, _japanese_font())]
    return frozenset(code for path in paths for code in ft2font.FT2Font(path).get_charmap())


def label(text: str, limit: int = 24) -> str:
    """Return text for a figure: on one line, cut at `limit`, characters no font has as their code point."""
    text = " ".join(text.split())
    text = text if len(text) <= limit else text[: limit - 1] + "…"
    return "".join(c if ord(c) in _glyphs() else f"U+{ord(c):X}" for c in text)


def integer_steps(axes: Axes) -> None:
    """Label the horizontal axis with whole numbers and thousands separators."""
    from matplotlib.ticker import FuncFormatter, MaxNLocator

    axes.xaxis.set_major_locator(MaxNLocator(nbins=6, integer=True))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))


def logarithmic(axes: Axes, which: str, at: Sequence[float] = ()) -> None:
    """Make an axis, ``x`` or ``y``, logarithmic, with plain numbers; call it when all is drawn.

    Args:
        at: values to label; empty: the powers of ten, and where they are few twice and five times them.
    """
    from matplotlib.ticker import FixedLocator, FuncFormatter, LogLocator, NullFormatter

    getattr(axes, f"set_{which}scale")("log")
    axis = getattr(axes, f"{which}axis")
    low, high = axis.get_view_interval()
    axis.set_major_locator(FixedLocator(at) if at else LogLocator(subs=(1, 2, 5) if high < 100 * low else (1,)))
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))
    axis.set_minor_formatter(NullFormatter())
