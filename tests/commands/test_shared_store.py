"""A store of another user: readable, not writable; and what that user may not even read."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

NOBODY = 65534
ROOT = os.geteuid() == 0
SOURCE = str(Path(__file__).resolve().parents[2] / "src")


DROP = ["setpriv", "--bounding-set=-dac_override,-dac_read_search,-fowner"] if ROOT else []
"""What makes root one user among others: files of `NOBODY` are someone else's."""


def command(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """Run one command line as a user who owns nothing in `folder`."""
    home = str(folder / "home")
    environment = {**os.environ, "HOME": home, "PYTHONPATH": SOURCE, "TMPDIR": home, "JPT_DEBUG": ""}
    return subprocess.run([*DROP, sys.executable, "-c", "from jptransfer.cli import main; main()", *words], cwd=folder,
                          env=environment, timeout=120, text=True, capture_output=True, check=False)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the outputs of a prepared, trained and evaluated toy model, which are someone else's."""
    if ROOT and (not shutil.which("setpriv") or subprocess.run([*DROP, "true"], check=False).returncode):
        pytest.skip("root cannot give up its rights here")
    folder = tmp_path_factory.mktemp("shared")
    (folder / "home").mkdir()
    (folder / "in.txt").write_text("良い宿\n", encoding="utf-8")
    before = os.umask(0o022)
    done = command(folder, "eval", *WORDS)
    os.umask(before)
    assert done.returncode == 0, done.stderr
    for path in [folder / "outputs", *(folder / "outputs").rglob("*")] if ROOT else []:
        os.chown(path, NOBODY, NOBODY)
    return folder


WORDS = ("task=toy_sentiment", "model=linear_tfidf", "outputs_root=outputs", "finetuning.subset.n=100")


@pytest.fixture
def closed(folder: Path) -> Iterator[Callable[[Path, int], None]]:
    """Change permissions until the test ends; where the tests are not root's, also close the outputs."""
    changed: dict[Path, int] = {}

    def close(path: Path, mode: int) -> None:
        changed.setdefault(path, stat.S_IMODE(path.stat().st_mode))
        path.chmod(mode)

    if not ROOT:
        for path in [p for p in (folder / "outputs").rglob("*") if p.is_dir()] + [folder / "outputs"]:
            close(path, 0o555)
    yield close
    for path, mode in reversed(changed.items()):
        path.chmod(mode)


def test_all_files_have_the_permissions_of_new_ones(folder: Path) -> None:
    modes = {stat.S_IMODE(path.stat().st_mode) for path in (folder / "outputs").rglob("*") if path.is_file()}
    assert modes == {0o644}


@pytest.mark.parametrize("words", [
    ("eval", *WORDS), ("eval", *WORDS, "dry_run=true"), ("finetune", *WORDS, "runtime.progress=false"),
    ("artifacts", "ls", "outputs_root=outputs"), ("artifacts", "verify", "outputs_root=outputs"),
    ("predict", "{model}", "in.txt", "outputs_root=outputs"),
], ids=lambda words: " ".join(words[:2]))
def test_what_is_present_is_served(folder: Path, closed: Callable, words: tuple[str, ...]) -> None:
    before = sorted((folder / "outputs").rglob("*"))
    done = command(folder, *(word.replace("{model}", model(folder).name) for word in words))
    assert (done.returncode, done.stderr) == (0, ""), done
    assert done.stdout
    assert sorted((folder / "outputs").rglob("*")) == before
    assert not list((folder / "home").glob("jpt-*"))


@pytest.mark.parametrize("more", [(), ("dry_run=true",), ("hydra/launcher=joblib",)], ids=" ".join)
def test_a_sweep_over_what_is_present_is_served(folder: Path, closed: Callable, more: tuple[str, ...]) -> None:
    before = sorted((folder / "outputs").rglob("*"))
    done = command(folder, "eval", *WORDS, *more, "-m", "seed=0")
    assert done.returncode == 0 and "1 job done" in done.stdout, done
    assert sorted((folder / "outputs").rglob("*")) == before
    assert not list((folder / "home").glob("jpt-*"))


def model(folder: Path) -> Path:
    return next((folder / "outputs" / "artifacts" / "task_model").iterdir())


def test_what_is_missing_is_one_line(folder: Path, closed: Callable) -> None:
    done = command(folder, "eval", *WORDS, "seed=9")
    assert done.returncode == 2
    assert done.stderr.splitlines()[-1].startswith("error: Permission denied: 'outputs/work")
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("part", ["weights.safetensors", "", ".."])
def test_what_may_not_be_read_is_named(folder: Path, closed: Callable, part: str) -> None:
    path = model(folder) / part
    name = model(folder).name
    closed(path.resolve(), 0o000)
    done = command(folder, "predict", name, "in.txt", "outputs_root=outputs")
    assert (done.returncode, done.stderr.count("\n")) == (2, 1), done.stderr
    assert "ermission denied: " in done.stderr
    assert str(path.resolve().relative_to(folder)) in done.stderr
