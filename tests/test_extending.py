"""docs/EXTENDING.md is executed: its files are written as they stand there, and its commands are run."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path

import pytest

from jptransfer.text.types import SPECIAL_TOKENS
from tests.plugin_example import jpt

pytestmark = pytest.mark.slow

PAGE = Path(__file__).resolve().parents[1] / "docs" / "EXTENDING.md"
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```", PAGE.read_text(encoding="utf-8"), re.M | re.S)
FILES = {code.splitlines()[0].removeprefix("# "): code for language, code in BLOCKS if language in ("python", "yaml")}
COMMANDS = [line for language, code in BLOCKS if language == "sh" for line in code.splitlines()]


@pytest.fixture(scope="module")
def run(tmp_path_factory) -> dict:
    """Command -> what it did; all in one process, with the recipes' files beside it."""
    folder = tmp_path_factory.mktemp("extending")
    for name, code in FILES.items():
        (folder / name).write_text(code, encoding="utf-8")
    lines = [f"{'★' * (number % 5 + 1)} {'良い' * (number % 5 + 1)}文{number}" for number in range(60)]
    (folder / "reviews.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")
    said = [f"客: {number}番の部屋は{chr(0x4E00 + number)}だ\n店: ありがとう\n\n" for number in range(300)]
    (folder / "dialogues.txt").write_text("".join(said), encoding="utf-8")
    done = jpt(folder, *([*shlex.split(line)[1:], "runtime.device=cpu", "runtime.progress=false"] for line in COMMANDS),
               path=[folder])
    return {"folder": folder} | dict(zip(COMMANDS, done, strict=True))


@pytest.mark.parametrize("command", COMMANDS)
def test_a_recipe_builds_a_report_or_what_its_own_verb_makes(run, command):
    made = {"run": "report/", "pretrain": "language_model/", "measure": "lengths/", "probe": "probe_result/",
            "reproduce": ""}[command.split()[1]]
    wanted = rf"^artifact: .*/{made}" if made else r"^\| strong +\| +\d+\.\d"
    assert run[command].code == 0 and re.search(wanted, run[command].out, re.M), run[command].out + run[command].err


def test_a_corpus_is_made_by_the_reader_the_step_and_the_tokenizer_of_their_recipes(run):
    artifacts = run["folder"] / "outputs" / "artifacts"
    text = next(artifacts.glob("corpus/text_file-*/train.txt")).read_text(encoding="utf-8").splitlines()
    assert text[:3] == ["1番の部屋は一だ", "ありがとう", ""]
    units = json.loads(next(artifacts.glob("tokenizer/*/units.json")).read_text(encoding="utf-8"))["tokens"]
    assert "1番の" in units and {len(unit) for unit in units[len(SPECIAL_TOKENS):]} == {2, 3}


def test_every_file_is_used_by_a_command():
    texts = [*COMMANDS, *(code for name, code in FILES.items() if name.endswith(".yaml"))]
    lists = [found for text in texts for found in re.findall(r"plugins(?:=|: )\[(.*?)\]", text)]
    used = {name for found in lists for name in found.split(",")}
    assert {f"{name}.py" for name in used} == {name for name in FILES if name.endswith(".py")}
    assert all(any(name in line.split() for line in COMMANDS) for name in FILES if name.endswith(".yaml"))


def test_the_recipe_of_a_reader_names_file_and_line_of_malformed_input(tmp_path):
    for name, code in FILES.items():
        (tmp_path / name).write_text(code, encoding="utf-8")
    (tmp_path / "bad.txt").write_text("★★ 良い文\nno stars\n", encoding="utf-8")
    done = jpt(tmp_path, ["prepare", "plugins=[my_reader]", "task.name=stars", "task.dataset=starred_lines",
                          "task.files.all=bad.txt", "runtime.progress=false"], path=[tmp_path])
    assert "bad.txt:2: stars, a space and a text are expected" in done[0].err
