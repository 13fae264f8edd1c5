"""How long `jpt --help` and a `jpt run` that finds everything built take, beside a bare Hydra application, in turns.

python benchmarks/start_up.py [--rounds 15] [--dvc DVC]

First a small experiment is built (four rows, two seeds, few steps); every later call must find its report and build
nothing. DVC is the command of an environment of its own (`pip install dvc`): its `repro` then looks at as many stages
as the experiment has artifacts, each with one dependency and one output of a few bytes, and must find all up to date.
Wall time of whole processes.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path

from harness import compare, heading, in_turns, median, parser, row, wall_seconds

EXPERIMENT = ["+experiment=quickstart", "pretraining.max_steps=2", "adaptation.max_steps=2", "finetuning.subset.n=32",
              "finetuning.encoder.epochs=1", "runtime.progress=false"]
HYDRA_APP = """
import hydra

@hydra.main(version_base="1.3", config_path="conf", config_name="config")
def main(config):
    print(config.task.name)

main()
"""


def main() -> None:
    made = parser(__doc__, rounds=15)
    made.add_argument("--dvc", default="", help="the dvc command; none: not measured")
    arguments = made.parse_args()
    jpt = str(Path(sys.executable).with_name("jpt"))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        app = write_app(folder)
        run = [jpt, "run", *EXPERIMENT, f"outputs_root={folder / 'outputs'}"]
        built = call(run, folder).splitlines()[-1]
        assert built.startswith("artifact: "), built
        before = artifacts(folder)

        def cached() -> None:
            assert call(run, folder).splitlines()[-1] == built

        calls = {"python": lambda: call([sys.executable, "-c", "pass"], folder),
                 "jpt --help": lambda: call([jpt, "--help"], folder),
                 "cached jpt run": cached, "hydra": lambda: call([sys.executable, str(app)], folder)}
        if arguments.dvc:
            calls["dvc repro"] = repro(Path(arguments.dvc).absolute(), folder / "dvc", len(before))
        heading(f"wall time of whole processes, `jpt run` with all {len(before)} artifacts there")
        times = in_turns({label: partial(wall_seconds, one) for label, one in calls.items()}, arguments.rounds)
        assert artifacts(folder) == before, "something was built again"
    row("Python that does nothing", median(times["python"], "s"))
    for label in ("jpt --help", "cached jpt run"):
        compare(label, "s", times[label], "bare Hydra application", times["hydra"])
    if arguments.dvc:
        compare("cached jpt run", "s", times["cached jpt run"], "`dvc repro`, all up to date", times["dvc repro"])
    else:
        print("`dvc repro` was not measured: no --dvc", file=sys.stderr)


def write_app(folder: Path) -> Path:
    """Write an application of two configuration files that does nothing."""
    (folder / "conf" / "task").mkdir(parents=True)
    (folder / "conf" / "config.yaml").write_text("defaults:\n  - task: polarity\n  - _self_\nseed: 0\n")
    (folder / "conf" / "task" / "polarity.yaml").write_text("name: polarity\n")
    (folder / "app.py").write_text(HYDRA_APP)
    return folder / "app.py"


def repro(dvc: Path, folder: Path, stages: int) -> Callable[[], None]:
    """Build a chain of stages with DVC; return a call of `dvc repro` that finds nothing to do."""
    folder.mkdir()
    (folder / "file-0").write_text("0")
    lines = [f"  stage-{number}:\n    cmd: cp file-{number} file-{number + 1}\n    deps: [file-{number}]\n"
             f"    outs: [file-{number + 1}]\n" for number in range(stages)]
    (folder / "dvc.yaml").write_text("stages:\n" + "".join(lines))
    for command in (["init", "--no-scm", "-q"], ["config", "core.analytics", "false"], ["repro"]):
        call([str(dvc), *command], folder)

    def cached() -> None:
        assert "up to date" in call([str(dvc), "repro"], folder)

    return cached


def call(command: list[str], folder: Path) -> str:
    done = subprocess.run(command, cwd=folder, env=os.environ, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def artifacts(folder: Path) -> set[str]:
    return {str(path) for path in (folder / "outputs" / "artifacts").glob("*/*")}


if __name__ == "__main__":
    main()
