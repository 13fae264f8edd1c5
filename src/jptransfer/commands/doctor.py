"""`jpt doctor`: is this machine ready? One line a check, and for what is not well a line that says what to do."""

from __future__ import annotations

import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import Enum
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path

from jptransfer.config import DoctorConfig
from jptransfer.resources import japanese_font
from jptransfer.runtime import Runtime, cores


class State(Enum):
    """How a check ended."""

    ok = "ok"
    warn = "warn"
    fail = "FAIL"


@dataclass(frozen=True)
class Finding:
    """What one check saw, and what would mend it."""

    state: State
    what: str
    detail: str
    hint: str = ""


def doctor(config: DoctorConfig) -> None:
    """Print all findings; exit with 1 if any check failed."""
    failed = False
    for check in CHECKS:
        for finding in _guarded(check, config):
            print(f"{finding.state.value:<4}  {finding.what:<14}  {finding.detail}")
            if finding.hint and finding.state is not State.ok:
                print(f"{'':<4}  {'':<14}  → {finding.hint}")
            failed = failed or finding.state is State.fail
    if failed:
        raise SystemExit(1)


def _guarded(check: Callable[[DoctorConfig], Iterator[Finding]], config: DoctorConfig) -> Iterator[Finding]:
    try:
        yield from check(config)
    except Exception as error:
        name = check.__name__.strip("_").replace("_", " ")
        first_line = f"{type(error).__name__}: {error}".split("\n")[0]
        yield Finding(State.fail, name, first_line, "reinstall the package it names")


def _python(_: DoctorConfig) -> Iterator[Finding]:
    needed = metadata.metadata("jptransfer")["Requires-Python"] or ""
    from packaging.specifiers import SpecifierSet

    version = ".".join(map(str, sys.version_info[:3]))
    good = SpecifierSet(needed).contains(version)
    yield Finding(State.ok if good else State.fail, "python", f"{version} (needs {needed})", "install a newer Python")


def _packages(_: DoctorConfig) -> Iterator[Finding]:
    from packaging.requirements import Requirement

    for line in metadata.requires("jptransfer") or []:
        requirement = Requirement(line)
        if requirement.marker and not requirement.marker.evaluate({"extra": ""}):
            continue
        try:
            version = metadata.version(requirement.name)
        except metadata.PackageNotFoundError:
            yield Finding(State.fail, "package", f"{requirement.name} is missing", f"pip install '{requirement}'")
            continue
        good = requirement.specifier.contains(version, prereleases=True)
        wanted = f" (needs {requirement.specifier})" if not good else ""
        yield Finding(State.ok if good else State.fail, "package", f"{requirement.name} {version}{wanted}",
                      f"pip install '{requirement}'")


def _dictionaries(_: DoctorConfig) -> Iterator[Finding]:
    from jptransfer.text.segment import PACKAGES, MecabSegmenter

    for name in PACKAGES:
        try:
            words = MecabSegmenter(name).spans("外国人参政権")
        except Exception as error:
            default = name == "unidic-lite"
            yield Finding(State.fail if default else State.ok, "dictionary",
                          f"{name}: {str(error).splitlines()[0]}" if default else f"{name}: not installed (optional)",
                          f"pip install --force-reinstall {name}")
        else:
            yield Finding(State.ok, "dictionary", f"{name} opens ({len(list(words))} words in a test phrase)")


def _processors(_: DoctorConfig) -> Iterator[Finding]:
    import torch

    from jptransfer.training.context import cpu_has_bf16

    bf16 = "in hardware" if cpu_has_bf16() else "emulated (slow)"
    yield Finding(State.ok, "cpu", f"{cores()} cores, {Runtime().threads} threads per process, bf16 {bf16}")
    if torch.cuda.is_available():
        for index in range(torch.cuda.device_count()):
            gigabytes = torch.cuda.get_device_properties(index).total_memory / 2**30
            bf16 = "with" if torch.cuda.is_bf16_supported(including_emulation=False) else "without"
            yield Finding(State.ok, "gpu", f"{torch.cuda.get_device_name(index)}, {gigabytes:.0f} GiB, {bf16} bf16")
    else:
        yield Finding(State.ok, "gpu", "none")
    xla = f"torch_xla {metadata.version('torch_xla')}" if find_spec("torch_xla") else "torch_xla is not installed"
    yield Finding(State.ok, "tpu", xla)


def _font(_: DoctorConfig) -> Iterator[Finding]:
    path = japanese_font()
    there = path.is_file()
    yield Finding(State.ok if there else State.fail, "font", path.name if there else f"{path.name} is missing",
                  "pip install --force-reinstall matplotlib-fontja")


def _outputs(config: DoctorConfig) -> Iterator[Finding]:
    folder = Path(config.outputs_root)
    hint = "choose another folder with outputs_root=DIR or JPT_OUTPUTS"
    existing = next(parent for parent in [folder.absolute(), *folder.absolute().parents] if parent.exists())
    try:
        with tempfile.NamedTemporaryFile(dir=existing):
            free = shutil.disk_usage(existing).free / 1e9
    except OSError as error:
        yield Finding(State.fail, "outputs", f"{folder}: {error.strerror}", hint)
        return
    yield Finding(State.ok if free > 5 else State.warn, "outputs", f"{folder} can be written, {free:.0f} GB free", hint)


def _data(config: DoctorConfig) -> Iterator[Finding]:
    folder = Path(config.data_root)
    if not folder.is_dir():
        yield Finding(State.warn, "data_root", f"{folder} is not there (only toy data can be used)",
                      "put official files there, or name their folder with data_root=DIR or JPT_DATA_ROOT")
        return
    names = sorted(path.name for path in folder.iterdir() if path.is_dir())
    yield Finding(State.ok, "data_root", f"{folder}: {', '.join(names) or 'empty'}")


def _git(_: DoctorConfig) -> Iterator[Finding]:
    found = shutil.which("git")
    yield Finding(State.ok if found else State.warn, "git", "found" if found else "not found",
                  "install git, so that artifacts record the commit they were made by")


CHECKS: tuple[Callable[[DoctorConfig], Iterator[Finding]], ...] = (
    _python, _packages, _dictionaries, _processors, _font, _outputs, _data, _git)
