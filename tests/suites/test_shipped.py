"""Every suite that ships is valid and composes at every scale; nothing is built here."""

import re
from pathlib import Path

import pytest
from hydra import initialize_config_dir

from jptransfer.artifacts import Store
from jptransfer.commands import VERBS
from jptransfer.commands.compose import Composer, register
from jptransfer.config import Analyzer
from jptransfer.data_sources import data_sources, source_of
from jptransfer.resources import resource
from jptransfer.suites import library
from jptransfer.suites.planning import Choice, cell_overrides, joint_plan, plan_suite
from tests.commands.test_compose import composed

pytestmark = pytest.mark.slow

SUITES = list(library.shipped())
NOWHERE = "data_root=/nowhere"


@pytest.fixture(autouse=True, scope="module")
def compose():
    register(VERBS["run"])
    with initialize_config_dir(version_base="1.3", config_dir=str(resource("configs"))):
        composed()
        yield Composer()


@pytest.mark.parametrize("name", SUITES)
def test_every_row_and_column_composes_at_every_scale(name, compose):
    [suite] = library.find(name)
    [first, *_], rows = suite.config.columns, [row for row, entry in suite.config.rows.items() if not entry.paper_only]
    cells = {(row, column) for row in rows for column in suite.config.columns
             if row == rows[0] or column == first or column in suite.config.rows[row].cells}
    for overrides in {tuple(cell_overrides(suite, *cell, scale)) for scale in suite.config.scales for cell in cells}:
        config = compose([*overrides, NOWHERE])
        assert config.task.dataset or suite.config.cells == "language_model"
        assert not config.transfer.build or compose([*overrides, *config.transfer.build, NOWHERE]).task.dataset


@pytest.mark.parametrize("name", SUITES)
def test_at_scale_toy_every_cell_can_be_planned_without_official_files(name, compose, tmp_path):
    [suite] = library.find(name)
    planned = plan_suite(suite, Choice("toy", places=[NOWHERE]), compose, Store(tmp_path))
    assert planned.cells and all(cell.targets and not cell.problem for cell in planned.cells)


def test_missing_official_files_are_told_with_source_licence_and_place(compose, tmp_path):
    [suite] = library.find("bataa2019/table3")
    planned = plan_suite(suite, Choice("paper", places=[f"data_root={tmp_path}"]), compose, Store(tmp_path))
    for cell in planned.cells:
        assert not cell.targets
        for part in (f"{tmp_path}/yahoo_movies", "dennybritz/sentiment-analysis", "licence", "put it at"):
            assert part in str(cell.problem)
    elmo = str(next(cell for cell in planned.cells if cell.row == "bcn_elmo").problem)
    for part in ("wikipedia", "WikiExtractor", "cc.ja.300.vec.gz", "fastText"):
        assert part in elmo


ZHANG_LECUN = ["glyphnet", "onehotnet", "embednet", "embednet_byte", "embednet_word", "embednet_roman", "linear",
               "fasttext", "super_characters"]


@pytest.mark.parametrize("row", ZHANG_LECUN)
def test_models_with_the_tasks_own_vocabulary_need_the_task_alone(row, compose, tmp_path):
    [suite] = library.find("bataa2019/table2")
    planned = plan_suite(suite, Choice("paper", rows=[row], places=[f"data_root={tmp_path}"]), compose, Store(tmp_path))
    for cell in planned.cells:
        assert "rakuten" in str(cell.problem) and "wikipedia" not in str(cell.problem).lower()
        config = compose([*cell.overrides, NOWHERE])
        if row == "fasttext":
            assert config.finetuning.fasttext.analyzer is Analyzer.char
        elif row != "linear":
            assert config.tokenizer.corpus.value == "domain" and not config.domain.validation_fraction


@pytest.mark.parametrize(("table", "row", "column", "epochs", "adapted"), [
    ("table2", "ulmfit", "binary", 10, 10), ("table4", "ulmfit", "rakuten_full", 10, 10),
    ("table4", "ulmfit_adapted", "rakuten_binary", 10, 5), ("table4", "ulmfit_adapted", "yahoo", 2, 5),
    ("table4", "bcn_elmo_adapted", "yahoo", 10, 5), ("table3", "ulmfit", "yahoo", 2, 10)])
def test_epochs_of_bataa_and_wu(table, row, column, epochs, adapted, compose):
    [suite] = library.find(f"bataa2019/{table}")
    config = compose([*cell_overrides(suite, row, column, "paper"), NOWHERE])
    assert (config.finetuning.encoder.epochs, config.adaptation.epochs) == (epochs, adapted)


def test_a_cell_names_the_files_of_its_transfer_source_too(compose, tmp_path):
    [suite] = library.find("johnson2019/table4")
    planned = plan_suite(suite, Choice("paper", places=[f"data_root={tmp_path}"]), compose, Store(tmp_path))
    problem = str(next(cell for cell in planned.cells if cell.name.startswith("char/")).problem)
    for part in ("bccwj_ner", "NINJAL", "polyglot-ja.pkl", "transfer.build: task.files.train", "eng.testb", "RCV1"):
        assert part in problem
    assert problem.count("Reuters RCV1 needs") == 1  # one line for three files


@pytest.mark.parametrize("file", sorted(Path(resource("configs")).rglob("*.yaml")), ids=lambda file: file.name)
def test_every_official_file_that_a_configuration_names_has_a_source(file):
    named = re.findall(r"\$\{data_root\}/([^\s'\",\]}]+)", file.read_text(encoding="utf-8"))
    assert [name for name in named if not source_of(f"/data/{name}", "/data")] == []


def test_every_source_is_used():
    text = "".join(file.read_text(encoding="utf-8") for file in Path(resource("configs")).rglob("*.yaml"))
    for place, source in data_sources().items():
        assert f"${{data_root}}/{place}" in text and source.source and source.licence


def test_tables_of_a_paper_share_their_runs(compose, tmp_path):
    plans = [plan_suite(suite, Choice("toy"), compose, Store(tmp_path)) for suite in library.find("bataa2019")]
    plan = joint_plan(plans, Store(tmp_path))
    asked = sum(len(cell.targets) for planned in plans for cell in planned.cells)
    assert len(plan.targets) < asked
    stages = [step.node.stage for step in plan.steps]
    assert stages.count("pretrain") == 6  # BERT, ULMFiT and ELMo, each on the whole corpus and on the small one


def test_one_source_serves_every_transfer_of_a_paper(compose, tmp_path):
    suites = [suite for suite in library.find("johnson2019") if suite.config.cells == "evaluation"]
    plans = [plan_suite(suite, Choice("toy"), compose, Store(tmp_path)) for suite in suites]
    models = {node.inputs["task_model"].fingerprint: node.inputs["task_model"]
              for planned in plans for cell in planned.cells for node in cell.targets.values()}
    sources = [model.inputs["transfer"].fingerprint for model in models.values() if "transfer" in model.inputs]
    assert len(sources) > 15 and len(set(sources)) == 2  # of CoNLL-2003's place and of the internal data's
    assert not set(sources) & set(models)
