"""docs/EXTENDING.md is executed: its files are written as they stand there, and its commands are run."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from tests.plugin_example import jpt

pytestmark = pytest.mark.slow

PAGE = Path(__file__).resolve().parents[1] / "docs" / "EXTENDING.md"
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```", PAGE.read_text(encoding="utf-8"), re.M | re.S)
FILES = {code.splitlines()[0].removeprefix("# "): code for language, code in BLOCKS if language == "python"}
COMMANDS = [line for language, code in BLOCKS if language == "sh" for line in code.splitlines()]


@pytest.fixture(scope="module")
def run(tmp_path_factory) -> dict:
    """Command -> what it did; all in one process, with the recipes' files beside it."""
    folder = tmp_path_factory.mktemp("extending")
    for name, code in FILES.items():
        (folder / name).write_text(code, encoding="utf-8")
    lines = [f"{'★' * (number % 5 + 1)} {'良い' * (number % 5 + 1)}文{number}" for number in range(60)]
    (folder / "reviews.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")
    done = jpt(folder, *([*shlex.split(line)[1:], "runtime.device=cpu", "runtime.progress=false"] for line in COMMANDS),
               path=[folder])
    return dict(zip(COMMANDS, done, strict=True))


@pytest.mark.parametrize("command", COMMANDS)
def test_a_recipe_builds_a_report_or_what_its_own_verb_makes(run, command):
    kind = {"run": "report", "pretrain": "language_model", "measure": "lengths"}[command.split()[1]]
    assert re.search(rf"^artifact: .*/{kind}/", run[command].out, re.M), run[command].err


def test_every_file_is_used_by_a_command():
    used = {name for line in COMMANDS for name in re.search(r"plugins=\[(.*?)\]", line)[1].split(",")}
    assert {f"{name}.py" for name in used} == FILES.keys()


def test_the_recipe_of_a_reader_names_file_and_line_of_malformed_input(tmp_path):
    for name, code in FILES.items():
        (tmp_path / name).write_text(code, encoding="utf-8")
    (tmp_path / "bad.txt").write_text("★★ 良い文\nno stars\n", encoding="utf-8")
    done = jpt(tmp_path, ["prepare", "plugins=[my_reader]", "task.name=stars", "task.dataset=starred_lines",
                          "task.files.all=bad.txt", "runtime.progress=false"], path=[tmp_path])
    assert "bad.txt:2: stars, a space and a text are expected" in done[0].err
