"""How numbers are written: scores in points of a hundred, intervals, differences with a sign, p-values."""

from __future__ import annotations

from collections.abc import Sequence

from jptransfer.registry import METRICS

MINUS = "−"


def is_share(metric: str) -> bool:
    """Tell whether a metric is a share, between 0 and 1, written in points of 100; others have three decimals."""
    name = metric.partition(" ")[0]
    return name in METRICS and METRICS.load(name).bounds == (0.0, 1.0)


def of_best_epoch(metric: str, split: str) -> str:
    """Return what a score is called of the epoch that is best on `split` itself."""
    return f"{metric} (best {split} epoch)"


def scaled(value: float, metric: str) -> float:
    """Return a value as it is written and drawn."""
    return 100 * value if is_share(metric) else value


def points(share: float) -> str:
    """Return a share in points of 100: 0.8421 as ``84.2``."""
    return f"{100 * share:.1f}"


def score(value: float, metric: str) -> str:
    """Return a score: 0.8421 as ``84.2``, a kappa as ``0.842``."""
    return points(value) if is_share(metric) else f"{value:.3f}".replace("-", MINUS)


def difference(value: float, metric: str) -> str:
    """Return a difference of scores with its sign: ``+3.1``."""
    text = score(abs(value), metric)
    sign = "" if float(text) == 0 else "+" if value > 0 else MINUS
    return sign + text


def interval(limits: Sequence[float] | None, metric: str, signed: bool = False) -> str:
    """Return ``[81.4, 86.9]``, nothing if there is no interval."""
    write = difference if signed else score
    return f"[{write(limits[0], metric)}, {write(limits[1], metric)}]" if limits else ""


def unit(metric: str) -> str:
    """Return what a difference is counted in."""
    return "points" if is_share(metric) else metric


def p_value(p: float) -> str:
    """Return a p-value as journals write it: ``.012``, ``< .001``."""
    if p < 0.001:
        return "< .001"
    return "1" if p >= 0.9995 else f"{p:.3f}"[1:]


def p_sentence(p: float) -> str:
    """Return ``p = .012`` or ``p < .001``."""
    text = p_value(p)
    return f"p {text}" if text.startswith("<") else f"p = {text}"


def count(number: int, noun: str) -> str:
    """Return ``1 seed``, ``3 seeds``, ``12,000 examples``."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def title(metric: str) -> str:
    """Return a metric's name as a heading: ``entity_f1`` as ``Entity F1``."""
    words = metric.replace("_", " ").replace("f1", "F1").replace("mse", "MSE")
    return words[:1].upper() + words[1:]
