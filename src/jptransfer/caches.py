"""Caches: JSON files that only save time. One that cannot be read is set aside with one line, and made again."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any


def read_cache(path: Path, fits: Callable[[Any], bool]) -> Any:
    """Return what a JSON file holds; None: there is none, or it is not of the form that `fits` accepts.

    A file of another form is removed, and one line on standard error says so.
    """
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        if fits(found):
            return found
        what = "it has another form"
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, ValueError, RecursionError) as error:
        what = str(error).partition("\n")[0]
    print(f"note: {path} cannot be read ({what}); it is set aside and made again", file=sys.stderr)
    with suppress(OSError):
        path.rmdir() if path.is_dir() else path.unlink()
    return None
