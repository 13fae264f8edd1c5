"""Additions from outside: named with `plugins=`, by a file of settings or by an entry point, in fresh processes."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from jptransfer import plugins
from jptransfer.errors import ConfigError
from tests.plugin_example import HERE, jpt

pytestmark = pytest.mark.slow

NAMED = "plugins=[jpt_example]"
SMALL = ["task=toy_sentiment", "tokenizer=byte", "lm=none", "model.architecture=neighbours", "model.neighbours.width=8",
         "finetuning.subset.n=24", "finetuning.encoder.epochs=1", "runtime.progress=false", "runtime.device=cpu"]
TRAIN = ["finetune", *SMALL, "finetuning.encoder.head.mean_max.width=5"]


def plan(result) -> str:
    """The id of the task model in a dry run's plan."""
    assert result.code == 0, result.err
    return next(line.split()[1] for line in result.out.splitlines() if line.startswith("finetune"))


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    made = tmp_path_factory.mktemp("plugins")
    (made / "text.txt").write_text("とても良い映画\n", encoding="utf-8")
    return made


@pytest.fixture(scope="module")
def trained(folder) -> dict:
    """What `jpt` says when an encoder and a head from outside are listed, trained and used."""
    listed, made = jpt(folder, ["ls", "heads", NAMED], [*TRAIN, NAMED])
    words = ["predict", made.artifact, "text.txt", "runtime.progress=false"]
    again, wrong, predicted = jpt(folder, [*TRAIN, NAMED, "dry_run=true"],
                                  [*TRAIN, NAMED, "finetuning.encoder.head.mean_max.with=5"], [*words, NAMED])
    return {"listed": listed, "made": made, "again": again, "wrong": wrong, "predicted": predicted, "words": words}


def test_members_are_listed_trained_and_used(trained, folder):
    assert "finetuning.encoder.head.name=mean_max  " in trained["listed"].out
    assert plan(trained["again"]) == Path(trained["made"].artifact).name
    assert trained["predicted"].out.splitlines()[1].startswith("とても良い映画\t")


def test_an_unknown_setting_of_a_member_is_one_line(trained):
    assert trained["wrong"].code == 2
    assert trained["wrong"].err == ("error: unknown setting 'finetuning.encoder.head.mean_max.with' (did you mean "
                                    "'finetuning.encoder.head.mean_max.width'?); `--help all` lists all settings\n")


def test_the_identity_has_the_plugin_and_no_other_members(trained, folder):
    recipe = json.loads((folder / trained["made"].artifact / "manifest.json").read_text())["recipe"]
    assert recipe["inputs"]["plugin:jpt_example"].startswith("sha256:")
    assert recipe["config"]["finetuning"]["encoder"]["head"] == {"dropout": 0.1, "mean_max": {"width": 5},
                                                                 "name": "mean_max"}
    assert recipe["config"]["model"] == {"architecture": "neighbours", "neighbours": {"kernel": 3, "width": 8}}


def test_a_reader_a_kind_of_task_and_a_metric_from_outside_make_a_report(folder):
    rows = [(("bad", "fair", "good")[number % 3], number) for number in range(60)]
    (folder / "films.txt").write_text("".join(f"<{label}> 映画{label}の{number}\n" for label, number in rows),
                                      encoding="utf-8")
    task = ["task.name=films", "task.kind=ordered", "task.dataset=bracketed", "task.bracketed.brackets='<>'",
            "task.files.all=films.txt", "outputs_root=films", "model=linear_tfidf", "lm=none",
            "runtime.progress=false", NAMED]
    scored, wrong = jpt(folder, ["eval", *task], ["eval", *task, "evaluation.metrics=[nearly_rigth]"])
    metrics = json.loads((folder / scored.artifact / "metrics.json").read_text())
    assert metrics["test"]["nearly_right"]["value"] == 1.0
    assert wrong.code == 2 and "did you mean 'nearly_right'" in wrong.err


def test_a_suite_names_its_plugins(trained, folder):
    (folder / "suite.yaml").write_text(json.dumps({  # JSON is YAML
        "title": "one cell", "plugins": ["jpt_example"], "rows": {"a": {}}, "columns": {"x": {}},
        "scales": {"toy": {"overrides": [*SMALL[:-2], "finetuning.encoder.head.mean_max.width=5"]}}}), encoding="utf-8")
    [made] = jpt(folder, ["reproduce", "./suite.yaml", "runtime.progress=false", "runtime.device=cpu", "dry_run=true"])
    assert made.code == 0 and "unknown" not in made.out + made.err


def test_without_its_plugin_a_model_is_refused_in_one_line(trained, folder):
    [refused] = jpt(folder, trained["words"])
    assert (refused.code, refused.out) == (2, "")
    assert refused.err == (f"error: {trained['made'].artifact} was made with the plugin 'jpt_example'; install it, or "
                           "give plugins=[jpt_example]\n")


def test_an_installed_plugin_needs_no_name_and_has_a_version(trained, folder, tmp_path):
    """A distribution is a folder of modules with a .dist-info beside it."""
    shutil.copytree(HERE / "jpt_example", tmp_path / "jpt_example")
    info = tmp_path / "jpt_example-1.2.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: jpt-example\nVersion: 1.2\n")
    (info / "entry_points.txt").write_text("[jptransfer]\nexample = jpt_example\n")
    listed, planned = jpt(folder, ["ls", "models"], [*TRAIN, "dry_run=true"], path=[tmp_path])
    assert "model.architecture=neighbours  " in listed.out
    assert plan(planned) != Path(trained["made"].artifact).name  # its version stands for the files' digest
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: jpt-example\nVersion: 1.3\n")
    [newer] = jpt(folder, [*TRAIN, "dry_run=true"], path=[tmp_path])
    assert plan(newer) not in (plan(planned), Path(trained["made"].artifact).name)


def test_a_changed_file_is_another_identity(trained, folder, tmp_path):
    shutil.copytree(HERE / "jpt_example", tmp_path / "jpt_example")
    [same] = jpt(folder, [*TRAIN, NAMED, "dry_run=true"], path=[tmp_path])
    assert plan(same) == Path(trained["made"].artifact).name
    with (tmp_path / "jpt_example" / "head.py").open("a") as stream:
        stream.write("# changed\n")
    [changed] = jpt(folder, [*TRAIN, NAMED, "dry_run=true"], path=[tmp_path])
    assert plan(changed) != plan(same)


def test_a_file_of_settings_names_plugins_and_a_sweep_uses_them_in_other_processes(trained, folder):
    experiment = folder / "conf" / "experiment" / "mine.yaml"
    experiment.parent.mkdir(parents=True)
    experiment.write_text("# @package _global_\nplugins: [jpt_example]\n"
                          "finetuning: {encoder: {head: {name: mean_max, mean_max: {width: 5}}}}\n")
    words = ["finetune", "--config-dir", "conf", "+experiment=mine", *SMALL]
    planned, swept = jpt(folder, [*words, "dry_run=true"], [
        *words, "-m", "hydra/launcher=joblib", "hydra.launcher.n_jobs=2", "finetuning.encoder.head.mean_max.width=5,6"])
    assert plan(planned) == Path(trained["made"].artifact).name
    assert swept.code == 0, swept.err
    assert len(list((folder / "outputs/artifacts/task_model").iterdir())) == 2


def test_what_cannot_be_imported_is_one_line(folder, tmp_path):
    (tmp_path / "broken.py").write_text("from jptransfer.registry import HEADS\n"
                                        "HEADS.add('pooled', 'broken:Head', 'taken')\n")
    missing, broken = jpt(folder, ["ls", "plugins=[no_such]"], ["ls", "plugins=[broken]"], path=[tmp_path])
    assert (missing.code, missing.err) == (2, "error: plugins: 'no_such' cannot be imported: "
                                              "No module named 'no_such'\n")
    assert (broken.code, broken.out) == (2, "") and "\n" not in broken.err.strip()
    assert "head 'pooled' is registered twice" in broken.err


def test_plugins_of_a_file_that_come_too_late_are_named(monkeypatch):
    monkeypatch.setattr(plugins, "_loaded", [])
    monkeypatch.setenv(plugins.INHERITED, "")
    with pytest.raises(ConfigError, match=r"^x.yaml: name its plugins for the whole command: plugins=\[textwrap\]$"):
        plugins.load_named(["textwrap"], "x.yaml")
    plugins.load_named(["textwrap"], "x.yaml")
