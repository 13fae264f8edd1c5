"""`jpt reproduce` on a tiny suite of linear models: what is run once, what fails, what a second call does."""

import html
import json
import re
import shlex
import subprocess
import sys

import pytest

from tests.pipeline.fakes import fail, replace_run

pytestmark = pytest.mark.slow

SUITE = """
title: 小さな表
metric: error_rate
scales: {toy: {}}
columns: {a: {overrides: [task=text_file, "task.files.all={data}", evaluation.bootstrap=0]}}
rows:
  good: {overrides: [model=linear_tfidf, "finetuning.tfidf.c=[1.0]"], paper_value: {a: 12.5}}
  same: {overrides: [model=linear_tfidf, "finetuning.tfidf.c=[1.0]"]}
  lacking: {overrides: [model=linear_tfidf, task.files.all=nowhere.tsv], paper_value: {a: 7}}
  paper_only: {paper_only: true, paper_value: {a: 5}}
"""


@pytest.fixture
def suite(tmp_path):
    rows = [f"良い{number}番\tgood\n悪い{number}番\tbad" for number in range(30)]
    data = tmp_path / "data.tsv"
    data.write_text("\n".join(["text\tlabel", *rows]) + "\n", encoding="utf-8")
    path = tmp_path / "mine.yaml"
    path.write_text(SUITE.replace("{data}", str(data)), encoding="utf-8")
    return path


def cells(tmp_path):
    table = json.loads((tmp_path / "outputs/suites/mine/toy/table.json").read_text(encoding="utf-8"))
    return {cell["row"]: cell for cell in table["cells"]}


def test_past_a_missing_file_to_the_tables(jpt, suite, tmp_path):
    dry = jpt("reproduce", str(suite), "dry_run=true")
    assert dry.code == 2 and "0 of 3 cells cached, 1 can't be run" in dry.out and "3 stages to run" in dry.out
    first = jpt("reproduce", str(suite))
    assert first.code == 2 and "failed" in first.out and "nowhere.tsv" in first.out
    found = cells(tmp_path)
    assert found["good"]["artifacts"] == found["same"]["artifacts"] and found["good"]["value"] == 0
    assert "nowhere.tsv" in found["lacking"]["problem"] and found["paper_only"]["paper_value"] == 5
    made = sorted((tmp_path / "outputs/artifacts").glob("*/*"))
    again = jpt("reproduce", str(suite))
    assert "nothing to run" in again.err and again.out == first.out and again.code == 2
    assert sorted((tmp_path / "outputs/artifacts").glob("*/*")) == made
    assert jpt("reproduce", str(suite), "only=[good]").code == 0


def test_a_bug_in_one_cell_is_its_reason_and_exit_code_1(jpt, suite, tmp_path, monkeypatch):
    replace_run(monkeypatch, "finetune", fail)
    done = jpt("reproduce", str(suite), "only=[good,same]")
    assert done.code == 1 and "RuntimeError: stage failed" in done.out
    monkeypatch.undo()
    monkeypatch.chdir(tmp_path)
    assert jpt("reproduce", str(suite), "only=[good,same]").code == 0


def test_a_cell_that_cannot_be_scored_leaves_the_others(jpt, suite, tmp_path):
    text = suite.read_text(encoding="utf-8")
    text = text.replace('c=[1.0]"], paper_value', 'c=[1.0]", "evaluation.splits=[validation]"], paper_value')
    suite.write_text(text, encoding="utf-8")
    done = jpt("reproduce", str(suite), "only=[good,same]")
    assert done.code == 2 and "unknown split 'test'" in done.out and "Traceback" not in done.err
    found = cells(tmp_path)
    assert found["same"]["value"] == 0 and "'test'" in found["good"]["problem"]


def test_rows_on_other_data_have_no_p_value(jpt, suite, tmp_path):
    other = tmp_path / "other.tsv"
    other.write_text("text\tlabel\n" + "".join(f"猫{n}匹\t{'abc'[n % 3]}\n" for n in range(60)), encoding="utf-8")
    text = suite.read_text(encoding="utf-8").replace("metric:", "layout: differences\nbaseline: good\nmetric:")
    suite.write_text(text.replace("nowhere.tsv", str(other)), encoding="utf-8")
    done = jpt("reproduce", str(suite), "only=[good,lacking]")
    assert done.code == 0 and {"good", "lacking"} <= cells(tmp_path).keys()


@pytest.mark.parametrize(("count", "said"), [
    ("[examples.train.x]", "goes on below a number"), ("[examples]", "stands for several values"),
    ("[exampels.train]", "did you mean 'examples'"), ("[]", "its column has no count")])
def test_counts_that_are_none_are_told_in_the_table(jpt, suite, count, said):
    text = suite.read_text(encoding="utf-8").replace("metric: error_rate", "cells: dataset")
    suite.write_text(text.replace("columns: {a: {", f"columns: {{a: {{count: {count}, "), encoding="utf-8")
    done = jpt("reproduce", str(suite), "only=[good]")
    assert done.code == 2 and said in done.out and "Traceback" not in done.err


def test_cells_run_in_jobs_of_a_launcher(jpt, suite, tmp_path):
    done = jpt("reproduce", str(suite), "hydra/launcher=joblib", "hydra.launcher.n_jobs=1")
    assert done.code == 2 and cells(tmp_path)["good"]["value"] == 0
    assert len(list((tmp_path / "outputs/runs/reproduce").glob("*/*/job.json"))) == 1


def test_ls_and_mistakes(jpt):
    listed = jpt("reproduce", "ls")
    assert listed.code == 0 and "bataa2019/table3 0 of" in " ".join(listed.out.split())
    assert "did you mean 'toy'" in jpt("reproduce", "bataa2019/table3", "scale=toi").err
    assert "unknown row 'brt'" in jpt("reproduce", "bataa2019/table3", "only=[brt]").err
    assert jpt("reproduce", "ls", "scale=huge").code == 2


def test_what_is_cached_is_written_without_torch(jpt, suite, tmp_path):
    jpt("reproduce", str(suite), "only=[good]")
    code = ("import sys; from jptransfer.cli import dispatch; "
            f"dispatch(['reproduce', {str(suite)!r}, 'only=[good]']); sys.exit('torch' in sys.modules)")
    assert subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, check=False).returncode == 0


ENSEMBLE = """
metric: error_rate
scales: {toy: {}}
columns: {a: {overrides: [task=text_file, "task.files.all={data}", evaluation.bootstrap=0]}}
rows:
  one: {overrides: [model=linear_tfidf, "finetuning.tfidf.c=[1.0]"]}
  both: {overrides: [model=linear_tfidf, "finetuning.tfidf.c=[1.0]", "ensemble.words=[model=linear_bag_word]"]}
  wrong: {overrides: [model=linear_tfidf, "ensemble.bags=[model=linear_bad]"]}
"""


def test_an_ensemble_is_a_row(jpt, suite, tmp_path):
    suite.write_text(ENSEMBLE.replace("{data}", str(tmp_path / "data.tsv")), encoding="utf-8")
    done = jpt("reproduce", str(suite), "only=[one,both]")
    assert done.code == 0 and "mean of 2 models" in done.err
    kinds = [path.parent.name for path in (tmp_path / "outputs/artifacts").glob("*/*")]
    assert (kinds.count("task_model"), kinds.count("evaluation")) == (2, 2)
    wrong = jpt("reproduce", str(suite), "only=[wrong]")
    assert wrong.code == 2 and "ensemble.bags: " in wrong.out and "linear_bag" in wrong.out


def test_an_ensemble_on_the_command_line_is_that_of_the_suite(jpt, suite, tmp_path):
    suite.write_text(ENSEMBLE.replace("{data}", str(tmp_path / "data.tsv")), encoding="utf-8")
    jpt("reproduce", str(suite), "only=[both]")
    run = ["task=text_file", f"task.files.all={tmp_path / 'data.tsv'}", "evaluation.bootstrap=0", "model=linear_tfidf",
           "finetuning.tfidf.c=[1.0]"]
    plan = jpt("eval", *run, "ensemble.bags=[model=linear_bag_word]", "dry_run=true")
    assert plan.code == 0 and "missing" not in plan.out and plan.out.count("finetune ") == 2
    rows = jpt("eval", *run, 'rows.both=["ensemble.words=[model=linear_bag_word]"]', "dry_run=true")
    assert "missing" not in rows.out and rows.out.count("finetune ") == 2
    ids = [path.name.rpartition("-")[2] for path in (tmp_path / "outputs/artifacts/task_model").glob("*")]
    (tmp_path / "in.txt").write_text("良い宿\n", encoding="utf-8")
    found = [jpt("predict", which, "in.txt").out.splitlines()[1].split("\t")[2:] for which in (*ids, ",".join(ids))]
    numbers = [[float(cell) for cell in cells[1:]] for cells in found]
    assert numbers[2] == pytest.approx([sum(pair) / 2 for pair in zip(*numbers[:2], strict=True)], abs=2e-6)


def test_of_several_suites_those_with_the_scale_are_taken(jpt):
    planned = jpt("reproduce", "all", "scale=small", "dry_run=true")
    assert "public/updating" in planned.out and "bataa2019" not in planned.out
    assert "did you mean 'small'" in jpt("reproduce", "all", "scale=smal").err


TRANSFER = """
metric: entity_f1
layout: differences
figure: tag_arrows
bootstrap: 0
trials: 100
scales: {toy: {}}
columns:
  a:
    overrides: [task=long_tail, task.long_tail.train=12, task.long_tail.validation=4, task.long_tail.test=12,
                task.long_tail.tags=3, lm=none, domain=task_words, model=bilstm_tagger_toy, tokenizer=toy_tagger,
                tokenizer.views.romanize=true, finetuning=toy_tagger, finetuning.encoder.epochs=1,
                evaluation.bootstrap=0, "transfer.build=[task.long_tail.language=en,tokenizer.views.romanize=false]"]
rows: {none: {}, transfer: {overrides: ["transfer.groups=[char,dense]"]}}
"""


def test_a_transfer_from_made_sentences_to_the_arrows(jpt, tmp_path):
    (tmp_path / "mine.yaml").write_text(TRANSFER, encoding="utf-8")
    done = jpt("reproduce", "mine.yaml", "runtime.threads=1")
    assert done.code == 0 and "failed" not in done.out
    assert (tmp_path / "outputs/suites/mine/toy/figure.png").is_file()
    assert all(cell["value"] is not None for cell in cells(tmp_path).values()) and set(cells(tmp_path)) == {
        "none", "transfer"}
    assert len(list((tmp_path / "outputs/artifacts/task_model").glob("*"))) == 3  # and the source
    assert "nothing to run" in jpt("reproduce", "mine.yaml", "dry_run=true").out


def test_the_commands_on_the_page_are_those_of_this_table(jpt, suite, tmp_path):
    (tmp_path / "confs").mkdir()
    done = jpt("reproduce", "mine.yaml", "only=[good]", "seeds=[3,4]", "overrides=['finetuning.tfidf.c=[2.0]']",
               "--config-dir=confs", "runtime.threads=1")
    assert done.code == 0, done.err
    folder = tmp_path / "outputs/suites/mine/toy"
    page = (folder / "page.html").read_text(encoding="utf-8")
    table, cell = (shlex.split(html.unescape(found))[1:] for found in re.findall(r'"command"><code>(.*?)</code>', page))
    assert table[:3] == ["reproduce", "mine.yaml", "scale=toy"] and "runtime.threads=1" not in table
    before = json.loads((folder / "table.json").read_text(encoding="utf-8"))
    again = jpt(*table)
    assert again.code == 0 and "nothing to run" in again.err
    assert json.loads((folder / "table.json").read_text(encoding="utf-8")) == before
    assert cell[0] == "run" and "missing" not in jpt("eval", *cell[1:], "dry_run=true").out


def test_a_seed_among_the_overrides_of_a_suite_is_refused(jpt, suite):
    result = jpt("reproduce", "mine.yaml", "only=[good]", "overrides=['seed=5']", "dry_run=true")
    assert result.code == 2 and "seed=5: seeds of a suite are those of its scale" in result.out
