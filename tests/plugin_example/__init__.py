"""A package of additions from outside, and how to run `jpt` with it in processes of their own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).parent
SOURCE = HERE.parents[1] / "src"
DRIVER = """
import contextlib, io, json, sys
from jptransfer import cli
for words in json.load(sys.stdin):
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            cli.main(words)
        except SystemExit as end:
            code = int(end.code or 0)
    print("result", json.dumps([code, out.getvalue(), err.getvalue()]), flush=True)
"""


@dataclass(frozen=True)
class Result:
    code: int
    out: str
    err: str

    @property
    def artifact(self) -> str:
        """The artifact that the last line names."""
        assert self.code == 0, self.err
        return self.out.splitlines()[-1].removeprefix("artifact: ")


def jpt(folder: Path, *commands: Sequence[str], path: Sequence[Path] = (HERE,)) -> list[Result]:
    """Run command lines one after the other in one fresh process, in `folder`; `path`: folders of further modules."""
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(map(str, [SOURCE, *path])), "JPT_OUTPUTS": "outputs"}
    done = subprocess.run([sys.executable, "-c", DRIVER], input=json.dumps([list(one) for one in commands]), text=True,
                          cwd=folder, env=environment, capture_output=True, timeout=300)
    assert done.returncode == 0, done.stderr
    lines = [line.removeprefix("result ") for line in done.stdout.splitlines() if line.startswith("result ")]
    return [Result(*json.loads(line)) for line in lines]  # other lines are of the processes of a sweep
