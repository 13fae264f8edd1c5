"""Files that ship with jptransfer: configurations, toy data and a font, in a checkout and in an installed wheel."""

from __future__ import annotations

from pathlib import Path

from jptransfer.errors import DataError

PACKAGE = Path(__file__).resolve().parent


def resource(name: str) -> Path:
    """Return the shipped file or folder `name` (``configs``, ``data/toy/...``).

    A checkout has them at its root, a wheel inside the package under ``_resources``.

    Raises:
        DataError: there is no such resource.
    """
    checkout = PACKAGE.parents[1]
    for root in ([checkout] if (checkout / "pyproject.toml").is_file() else []) + [PACKAGE / "_resources"]:
        if (root / name).exists():
            return root / name
    raise DataError(f"jptransfer ships no '{name}'")


def japanese_font() -> Path:
    """Return the file of the font that comes with the package matplotlib-fontja, IPAex Gothic."""
    import matplotlib_fontja

    return Path(matplotlib_fontja.get_font_ttf_path())
