"""No module outside `tasks` asks which kind a task is: kinds are named in the registry and in presets alone."""

import re
from pathlib import Path

import pytest

from jptransfer.registry import TASKS
from jptransfer.tasks.base import load_kind
from tests.tasks.examples import CASES

SOURCE = Path(__file__).resolve().parents[2] / "src" / "jptransfer"
ALLOWED = {"registry.py": "the rows of the registry", "config/task.py": "the default of task.kind"}
MODULES = [file.relative_to(SOURCE).as_posix() for file in SOURCE.rglob("*.py")]

LITERAL = "|".join(rf"[\"']{kind}[\"']" for kind in TASKS)
CLASSES = "|".join(sorted({load_kind(kind).__name__ for kind in TASKS} | {
    type(one).__name__ for case in CASES.values() for one in (case.examples[0], case.predictions[0])}))
ASKS = re.compile(rf"{LITERAL}|is(?:instance|subclass)\([^)]*\b(?:{CLASSES})\b"
                  r"|task\.kind\s*(?:==|!=|\bin\b)|(?:has|get)attr\((?:self\.|job\.)?_?(?:task|kind)\b")
"""The name of a kind, a test for its classes, a comparison of kinds, an ability that is asked for by a string."""


def questions(code: str) -> list[str]:
    return [line.strip() for line in code.splitlines() if ASKS.search(line)]


@pytest.mark.parametrize("module", [name for name in MODULES if not name.startswith("tasks/") and name not in ALLOWED])
def test_no_module_outside_tasks_asks_for_the_kind(module):
    assert questions((SOURCE / module).read_text(encoding="utf-8")) == []


@pytest.mark.parametrize("code", [
    'if task.kind == "ner":', "if kind in ('classification',):", "if isinstance(example, EntityExample):",
    "if self.config.task.kind != own:", 'getattr(task, "average", None)', 'hasattr(self._task, "spans")'])
def test_the_rule_sees_a_question(code):
    assert questions(code)
