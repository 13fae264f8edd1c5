"""Every command of the README is one that works: verbs exist, configurations compose and are valid."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
from hydra import compose, initialize_config_dir

from jptransfer.commands import VERBS, find_verb
from jptransfer.commands.compose import register, typed
from jptransfer.commands.launch import parse
from jptransfer.resources import resource

pytestmark = pytest.mark.slow

README = Path(__file__).resolve().parents[1] / "README.md"


def commands() -> list[str]:
    """The lines of the README's shell blocks, continued ones joined, comments left out."""
    blocks = re.findall(r"```bash\n(.*?)```", README.read_text(encoding="utf-8"), re.DOTALL)
    lines = "\n".join(blocks).replace("\\\n", " ").splitlines()
    return [line.split("  #")[0].strip() for line in lines if line.strip() and not line.startswith("#")]


JPT = [command for command in commands() if command.startswith("jpt ")]


@pytest.mark.parametrize("command", [command for command in commands() if command.startswith("scripts/")])
def test_scripts_are_there(command: str) -> None:
    assert (README.parent / command.split()[0]).is_file()


@pytest.mark.parametrize("command", JPT)
def test_commands_compose(command: str) -> None:
    _, name, *words = shlex.split(command.replace(" | ", " "))
    verb = find_verb(name)
    if name == "artifacts" or "--help" in words:
        return
    # A sweep's first job stands for all; its launcher and sweeper are Hydra's own to check.
    sweep = "-m" in words or "--multirun" in words
    overrides = [word for word in parse(verb, words).overrides if not word.startswith("hydra/")]
    overrides = [re.sub(r"=tag\(.*", "=0.001", word) for word in overrides]
    if sweep:
        overrides = [word if "[" in word else word.split(",")[0] for word in overrides]
    register(VERBS[name])
    with initialize_config_dir(version_base="1.3", config_dir=str(resource("configs"))):
        typed(compose(name, [word for word in overrides if not word.lstrip("+").startswith("hydra.")]))


def test_the_readme_shows_commands() -> None:
    assert len(JPT) > 10
