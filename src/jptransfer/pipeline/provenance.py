"""Who made an artifact: code, packages, device. Never users, hosts or paths."""

from __future__ import annotations

import hashlib
import platform
import re
import subprocess
import sys
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import Any

import jptransfer

PACKAGE = Path(jptransfer.__file__).parent
FOLDERS = re.compile(r"""
    (?<=['"])(?!(?:/(?:home|Users)/[^/'"]*|/root|~[^/'"]*)['"])      # a whole value in quotes: commas belong to names
      (?:~[^/\s,'"]*/|\.\./|/)[^'"]*/(?=[^/'"\s]*['"])
    | (?:(?<![\w.\-/~…%+*?)\]}$])|(?<=[\s='"]-[A-Za-z]))            # not inside of a name; also after an option: -I/x
      (?: (?P<home>(?:/(?:home|Users)/[^/,\]}'"\s)\\]+|/root|(?<!^)~[\w.\-]*)(?=$|[,\]}'"\s)]))
        | (?:(?<!^)~[^/\s,'"]*/|(?:\.\./)+|/)(?:(?:\\.|[^/,\]}'"\\])*/)* )""", re.VERBOSE)
"""The folders of a path that begins with `/`, `~/`, `~name/` or `../`; of a home folder also its name, the user's."""
RECORDED = ("accelerate", "datasets", "fugashi", "numpy", "pyarrow", "scikit-learn", "sentencepiece", "tokenizers",
            "torch", "transformers", "unidic-lite")


def without_folders(override: str) -> str:
    """Return an override, or an option, without the folders of this machine: only the last name of a path stays."""
    return FOLDERS.sub(lambda found: "…" if found["home"] else "…/", override)


@cache
def source_digest() -> str:
    """Return the sha256 of the package's source (16 hex digits)."""
    whole = hashlib.sha256()
    for path in sorted(PACKAGE.rglob("*.py")):
        whole.update(str(path.relative_to(PACKAGE)).encode() + b"\0" + path.read_bytes())
    return whole.hexdigest()[:16]


def _git(*words: str) -> str | None:
    try:
        done = subprocess.run(["git", "--no-optional-locks", "-C", str(PACKAGE), *words],
                              capture_output=True, text=True, timeout=10)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() if done.returncode == 0 else None


@cache
def git_state() -> dict[str, Any]:
    """Return the commit and whether tracked source differs from it; empty outside of a checkout of this project."""
    tracked = _git("ls-files", "--error-unmatch", str(PACKAGE / "__init__.py"))
    if tracked is None:
        return {}
    return {"commit": _git("rev-parse", "HEAD"), "dirty": bool(_git("status", "--porcelain", "--", str(PACKAGE)))}


def _versions() -> dict[str, str]:
    found = {}
    for name in RECORDED:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found


def _device(asked: str) -> dict[str, Any]:
    torch = sys.modules.get("torch")
    if torch is None:
        return {"asked": asked}
    name = torch.cuda.get_device_name(0) if asked in ("auto", "gpu") and torch.cuda.is_available() else "cpu"
    return {"asked": asked, "name": name, "threads": torch.get_num_threads()}


def provenance(overrides: list[str], runtime: Any) -> dict[str, Any]:
    """Return what the manifest records about how an artifact came to be."""
    return {"jptransfer": jptransfer.__version__, "git": git_state(), "source": source_digest(),
            "packages": _versions(), "python": platform.python_version(), "machine": platform.machine(),
            "overrides": [without_folders(one) for one in overrides], "device": _device(runtime.device.value),
            "processes": runtime.processes}
