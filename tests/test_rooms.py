"""The rooms of the house import downward only; imports inside functions count, names in the registry do not."""

import ast
from pathlib import Path

import pytest

SOURCE = Path(__file__).resolve().parents[1] / "src" / "jptransfer"
ROOMS = [
    {"cli", "commands"}, {"suites"}, {"search"}, {"stages"}, {"probes"}, {"pipeline"}, {"inference"}, {"report"},
    {"evaluation"}, {"learners"}, {"objectives"}, {"training"}, {"transfer"}, {"models"}, {"datasets", "corpora"},
    {"tasks"},
    {"text"}, {"artifacts"}, {"files", "locks"}, {"runtime", "workers"}, {"config", "registry"},
    {"plugins"}, {"registration"}, {"data_sources"}, {"resources", "hub", "caches", "zstd"}, {"errors"},
]
LEVEL = {room: level for level, rooms in enumerate(ROOMS) for room in rooms}


def imported(code: str) -> set[str]:
    """Rooms that a module imports, wherever in its code."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    inner = {name.split(".")[1] for name in names if name.startswith("jptransfer.")}
    return {name for name in inner if not name.startswith("__")}  # __version__ is in no room


def upward(room: str, code: str) -> set[str]:
    return {other for other in imported(code) if other != room and LEVEL[other] < LEVEL[room]}


MODULES = sorted(file.relative_to(SOURCE) for file in SOURCE.rglob("*.py") if file != SOURCE / "__init__.py")


@pytest.mark.parametrize("module", MODULES, ids=str)
def test_imports_point_downward(module):
    room = module.parts[0].removesuffix(".py")
    assert room in LEVEL, f"{module} is in no room: give it a place in ROOMS"
    assert upward(room, (SOURCE / module).read_text(encoding="utf-8")) == set()


def test_the_rule_sees_a_breach():
    assert upward("tasks", "def f():\n    from jptransfer.training.loop import train") == {"training"}
    assert upward("training", "from jptransfer import evaluation") == {"evaluation"}
    assert upward("stages", "import jptransfer.training.loop") == set()
