"""Only the stage `evaluate` reads the split of role `final`: all others ask for the split of another role."""

import ast
from pathlib import Path

SOURCE = Path(__file__).resolve().parents[1] / "src" / "jptransfer"
READERS = {"read_table", "ParquetFile", "ParquetDataset", "read_parquet"}
THE_DOOR, THE_ROLES, THE_STAGE = "tasks/files.py", "tasks/splits.py", "stages/evaluate.py"
ROLES = (["fit"], ["select"], ["search"])


def calls(tree: ast.AST, names: set[str]) -> list[ast.Call]:
    found = (node for node in ast.walk(tree) if isinstance(node, ast.Call))
    return [call for call in found if getattr(call.func, "attr", getattr(call.func, "id", "")) in names]


def breaches(path: str, code: str) -> list[str]:
    """Lines of a module through which the final split could be read."""
    tree = ast.parse(code)
    found = [f"{path}:{call.lineno} opens parquet files" for call in calls(tree, READERS) if path != THE_DOOR]
    if path not in (THE_DOOR, THE_ROLES, THE_STAGE):
        found += [f"{path}:{call.lineno} reads a split by name" for call in calls(tree, {"read_examples"})]
        for call in calls(tree, {"read_role"}):
            role = [*call.args[2:], *(keyword.value for keyword in call.keywords if keyword.arg == "role")]
            if [getattr(value, "value", None) for value in role] not in ROLES:
                found.append(f"{path}:{call.lineno} reads another role than fit, select or search")
        renamed = (alias for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) for alias in node.names)
        found += [f"{path} renames {alias.name}" for alias in renamed
                  if alias.name in ("read_examples", "read_role") and alias.asname]
    return found


def test_only_evaluate_reads_the_final_split():
    modules = [(file.relative_to(SOURCE).as_posix(), file.read_text(encoding="utf-8")) for file in SOURCE.rglob("*.py")]
    assert {THE_DOOR, THE_ROLES, THE_STAGE} <= {path for path, _ in modules}
    assert [breach for path, code in modules for breach in breaches(path, code)] == []


def test_the_guard_sees_a_breach():
    for code in ("read_examples(task, folder, 'train')", "base.read_examples(task, folder, split=s)",
                 "pq.read_table(folder / 'test.parquet')", "from jptransfer.tasks.files import read_examples as r",
                 "read_role(task, folder, 'final')", "splits.read_role(task, folder, role=name)"):
        assert breaches("report/page.py", code), code
    assert breaches("stages/finetune.py", "read_role(task, folder, 'select')") == []
