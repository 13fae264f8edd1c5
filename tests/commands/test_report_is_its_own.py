"""A report says the names and the command of the run that asks for it, whoever made the artifacts first."""

import html
import json
import re
import shlex
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

QUICK = ["model=linear_tfidf", "lm=none", "evaluation.bootstrap=0", "report.trials=100", "report.errors=2"]


@pytest.fixture
def reviews(tmp_path):
    rows = "".join(f"とても 良い {number}\tyes\n悪い 店 {number}\tno\n" for number in range(30))
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "mine.tsv").write_text("text\tlabel\n" + rows, encoding="utf-8")
    return ["task=text_file", "task.files.all=data/mine.tsv", *QUICK]


def page_of(result):
    assert result.code == 0, result.err
    path = re.search(r"^page: (.*)$", result.out, re.MULTILINE)[1]
    return path, Path(path).read_text(encoding="utf-8")


def command_on(page):
    found = html.unescape(re.search(r'<pre class="command"><code>(.*?)</code>', page, re.DOTALL)[1])
    return shlex.split(found)


def test_names_are_those_of_the_run_that_asks(jpt, reviews, tmp_path):
    page_of(jpt("run", *reviews, "task.name=first_task", "finetuning.name=first_model"))
    path, page = page_of(jpt("run", *reviews, "task.name=second_task", "finetuning.name=second_model",
                             "report.name=second_report"))
    assert len(list((tmp_path / "outputs/artifacts/task_model").glob("*-*"))) == 1  # nothing was trained again
    folder = tmp_path / path
    said = page + "".join(one.read_text(encoding="utf-8") for one in folder.parent.glob("results.*"))
    said += json.dumps(json.loads((folder.parent / "manifest.json").read_text(encoding="utf-8"))["summary"])
    assert "second_task" in said and "second_model" in said and "first_" not in said
    assert folder.parent.name.startswith("second_report-")


@pytest.mark.parametrize("words", [
    ["name=with blanks", "task.label_map={yes:良い, no:1.0}", 'task.name="it\'s"'],
    ["+experiment=own", "-cd", "confs", "name=n"],
])
def test_the_command_on_the_page_makes_this_report(jpt, reviews, tmp_path, words):
    (tmp_path / "confs" / "experiment").mkdir(parents=True)
    (tmp_path / "confs" / "experiment" / "own.yaml").write_text(
        "# @package _global_\nseed: 3\nname: own\nrows: {a: [lm=none], b: [model=linear_bag_char]}\n", encoding="utf-8")
    page_of(jpt("run", *reviews, "name=another"))  # makes most of the artifacts
    path, page = page_of(jpt("run", *reviews, *words, "runtime.threads=1"))
    program, *again = command_on(page)
    assert program == "jpt" and not any("runtime" in word for word in again)
    found = jpt(*again)
    assert (tmp_path / page_of(found)[0]) == tmp_path / path
    other = jpt(*again, "outputs_root=elsewhere")  # and where nothing is there yet
    assert page_of(other)[0].rpartition("outputs/")[2].rpartition("elsewhere/")[2] == path.rpartition("outputs/")[2]


def test_each_job_of_a_sweep_has_the_command_of_its_own(jpt, reviews, tmp_path):
    swept = jpt("run", *reviews, "-m", "task.name=a,1.50")
    assert swept.code == 0, swept.err
    pages = list((tmp_path / "outputs/artifacts/report").glob("*/report.html"))
    commands = [command_on(page.read_text(encoding="utf-8")) for page in pages]
    assert len(pages) == 2 == len({tuple(command) for command in commands})
    for page, command in zip(pages, commands, strict=True):
        assert "-m" not in command
        assert page_of(jpt(*command[1:]))[0].endswith(f"{page.parent.name}/report.html")
