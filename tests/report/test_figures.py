import warnings
from functools import partial

import numpy as np
import pytest

from jptransfer.report import drawing, figures
from jptransfer.report.drawing import DARK, LIGHT, Figure, label, render


def draw_text(text, canvas, theme):
    canvas.subplots().set_title(text)


def glyph_warnings(figure: Figure) -> list[str]:
    render.cache_clear()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        render(figure, "png", LIGHT)
    return [str(one.message) for one in caught if "missing from" in str(one.message)]


def test_no_glyph_is_missing_in_any_figure(polarity):
    assert [glyph_warnings(figure) for figure in polarity.report.all_figures] == [[]] * len(polarity.report.all_figures)


def test_the_guard_sees_a_missing_glyph():
    assert glyph_warnings(Figure("x", "", "", 2, 2, partial(draw_text, "\U0001F600\U0001F9FF")))


def test_labels_hold_only_glyphs_there_are():
    text = label("星５つ🧿\n$x$ ﾃﾞｽ", 40)
    assert text == "星５つU+1F9FF $x$ ﾃﾞｽ"
    assert glyph_warnings(Figure("x", "", "", 3, 2, partial(draw_text, text))) == []
    assert label("あ" * 50, 10) == "あ" * 9 + "…"


def test_a_dollar_sign_is_no_formula():
    assert render(Figure("x", "", "", 2, 2, partial(draw_text, "$\\broken{$")), "svg", LIGHT)


@pytest.mark.parametrize("kind", ["png", "svg"])
def test_the_same_bytes_each_time(polarity, kind):
    figure = polarity.report.sections[0].figures["results"]
    first = render(figure, kind, LIGHT)
    render.cache_clear()
    assert render(figure, kind, LIGHT) == first
    assert b"Matplotlib v" not in first and b"<dc:date>" not in first


def test_themes_differ_and_leave_no_trace(polarity):
    import matplotlib

    before = dict(matplotlib.rcParams)
    figure = polarity.report.sections[0].figures["confusion"]
    light, dark = render(figure, "svg", LIGHT), render(figure, "svg", DARK)
    assert DARK.paper.encode() in dark and DARK.paper.encode() not in light
    assert dict(matplotlib.rcParams) == before


def contrast(one: str, two: str) -> float:
    """Contrast ratio of WCAG 2.1, 1.4.3."""
    def luminance(code: str) -> float:
        parts = np.array([int(code[i:i + 2], 16) for i in (1, 3, 5)]) / 255
        linear = np.where(parts <= 0.04045, parts / 12.92, ((parts + 0.055) / 1.055) ** 2.4)
        return float(linear @ [0.2126, 0.7152, 0.0722])

    low, high = sorted([luminance(one), luminance(two)])
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("theme", [LIGHT, DARK])
def test_colours_are_seen_on_their_paper(theme):
    assert contrast(theme.ink, theme.paper) > 7
    assert min(contrast(code, theme.paper) for code in theme.palette[:4]) > 2.8
    assert len(set(theme.palette)) == len(theme.palette) == len(drawing.MARKERS)


def test_figures_of_nothing_are_left_out():
    assert figures.loss_figure({"lm": {"train": [], "validation": []}}) is None
    assert figures.finetuning_figure({"scratch": [[], []]}, "accuracy", "x") is None
    assert figures.lengths_figure({"train": []}, "t", "characters", "x") is None


def test_texts_of_no_overlap_in_the_confusion_matrix():
    counts = np.full((9, 9), 12345)
    names = [f"とても長いラベル{i}" for i in range(9)]
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure as Canvas

    with drawing.style(LIGHT):
        canvas = Canvas(figsize=(6.6, 6.1))
        agg = FigureCanvasAgg(canvas)
        figures._draw_confusion(counts, [label(name, 14) for name in names], canvas, LIGHT)
        agg.draw()
        axes = canvas.axes[0]
        cells = [text.get_window_extent() for text in axes.texts]
        assert not any(a.overlaps(b) for i, a in enumerate(cells) for b in cells[i + 1:])
        edges = [tick.get_window_extent() for tick in axes.get_xticklabels()]
        assert all(canvas.bbox.x0 <= edge.x0 and edge.x1 <= canvas.bbox.x1 for edge in edges)
