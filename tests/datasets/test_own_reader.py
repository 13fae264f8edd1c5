"""A reader is one file (its settings, its registry row, its function) and a YAML file; nothing else changes."""

import json
import subprocess
import sys

import pytest

from jptransfer.tasks.files import open_dataset, read_examples

pytestmark = pytest.mark.slow

READER = '''
"""A reader of couplets, two lines separated by a slash."""

from dataclasses import dataclass

from jptransfer.config.fields import setting
from jptransfer.registry import DATASETS


@DATASETS.register("couplets", target="read")
@dataclass
class CoupletsConfig:
    """Lines of a first and a second half."""

    half: int = setting(1, low=1, high=2)
    """which half is the text"""


def read(config):
    from jptransfer.datasets.base import RawDataset, data_files
    from jptransfer.tasks.classification import TextExample

    data = RawDataset({})
    for split, path in data_files(config).items():
        rows = [line.split("/") for line in path.read_text(encoding="utf-8").splitlines()]
        data.splits[split] = [TextExample(f"{split}-{number}", row[config.couplets.half - 1], row[2])
                              for number, row in enumerate(rows)]
    return data
'''
PRESET = """
name: couplets
kind: classification
dataset: couplets
couplets: {half: 2}
"""


@pytest.fixture
def jpt(tmp_path):
    """Run `jpt` in a process that has imported the reader; return its exit code, output and messages."""
    (tmp_path / "couplets_reader.py").write_text(READER, encoding="utf-8")
    (tmp_path / "confs" / "task").mkdir(parents=True)
    (tmp_path / "confs" / "task" / "couplets.yaml").write_text(PRESET, encoding="utf-8")
    lines = "".join(f"上{number}/下{number}/{number % 2}\n" for number in range(40))
    (tmp_path / "data.txt").write_text(lines, encoding="utf-8")
    start = "import couplets_reader, sys; from jptransfer.cli import main; sys.exit(main())"

    def run(*words):
        done = subprocess.run([sys.executable, "-c", start, *words], capture_output=True, text=True, cwd=tmp_path,
                              check=False)
        return done.returncode, done.stdout, done.stderr

    return run


def test_a_reader_from_outside(jpt, tmp_path):
    words = ["prepare", "task=couplets", "task.files.all=data.txt", "--config-dir=confs", "outputs_root=out"]
    code, out, err = jpt(*words)
    assert code == 0, err
    made = next((tmp_path / "out" / "artifacts" / "dataset").glob("couplets-*"))
    assert json.loads((made / "statistics.json").read_text(encoding="utf-8"))["read"] == {"all": 40}
    assert {one.text[0] for one in read_examples(open_dataset(made), made, "train")} == {"下"}
    recipe = json.loads((made / "manifest.json").read_text(encoding="utf-8"))["recipe"]["config"]["task"]
    assert recipe["couplets"] == {"half": 2} and not {"text_file", "conll_file", "long_tail"} & recipe.keys()
    assert "Lines of a first and a second half" in jpt("ls", "datasets")[1]
    for word, said in (("task.couplets.hal=1", "did you mean 'task.couplets.half'?"),
                       ("task.couplets.half=3", "task.couplets.half: 3 is out of range"),
                       ("task.couplets.half=first", "task.couplets.half")):
        code, _, err = jpt(*words, word)
        assert code == 2 and said in err and "Traceback" not in err and err.count("\n") == 1, err
