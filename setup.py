"""Copies configs/ and data/toy/ into the package when a wheel is built; in a checkout they are used where they lie."""

from __future__ import annotations

import shutil
from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py

ROOT = Path(__file__).parent
RESOURCES = ("configs", "data/toy")


class BuildWithResources(build_py):
    """`build_py` that adds the resource folders as ``jptransfer/_resources``."""

    def run(self) -> None:
        """Build the modules, then copy the resources beside them."""
        super().run()
        if self.editable_mode:
            return
        for name in RESOURCES:
            target = Path(self.build_lib) / "jptransfer" / "_resources" / name
            shutil.rmtree(target, ignore_errors=True)
            shutil.copytree(ROOT / name, target)


setup(cmdclass={"build_py": BuildWithResources})
