"""Everything that ships composes and is valid; rows are what their command lines would be."""

import re
from dataclasses import replace

import pytest
from hydra import compose, initialize_config_dir
from hydra._internal.config_loader_impl import ConfigLoaderImpl
from hydra.core.global_hydra import GlobalHydra
from hydra.core.hydra_config import HydraConfig
from omegaconf import OmegaConf, flag_override

from jptransfer.commands import VERBS
from jptransfer.commands.compose import Composer, compose_rows, register, typed
from jptransfer.commands.experiment import expand
from jptransfer.commands.ls import groups
from jptransfer.commands.overriding import _hydras_sweep_config, _load_sweep_config
from jptransfer.config import Config
from jptransfer.errors import ConfigError
from jptransfer.pipeline.graph import SECTIONS
from jptransfer.resources import resource

pytestmark = pytest.mark.slow

CHOICES = [(group, choice) for group, choices in groups().items() for choice in choices if group != "experiment"]
EXPERIMENTS = list(groups()["experiment"])


@pytest.fixture(autouse=True, scope="module")
def hydra():
    register(VERBS["run"])
    with initialize_config_dir(version_base="1.3", config_dir=str(resource("configs"))):
        yield


def composed(*overrides: str):
    """A configuration as a job of `jpt run` gets it, and Hydra's state around it."""
    whole = compose("run", list(overrides), return_hydra_config=True)
    HydraConfig.instance().set_config(whole)
    with flag_override(whole, ["struct", "readonly"], False):
        del whole["hydra"]
    return whole


@pytest.mark.parametrize(("group", "choice"), CHOICES, ids=["=".join(one) for one in CHOICES])
def test_every_choice_is_valid(group, choice):
    try:
        typed(composed(f"{group}={choice}"))
    except ConfigError as error:
        assert "is required" in str(error)  # the choice says with ??? what its user has to give


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_every_experiment_is_valid_and_says_how_to_run_it(name):
    raw = composed(f"+experiment={name}", "data_root=/official")
    config = typed(raw)
    rows = compose_rows(config, Composer(raw))
    assert config.name == name and rows.keys() == set(config.only or config.rows or [name])
    text = (resource("configs") / "experiment" / f"{name}.yaml").read_text(encoding="utf-8")
    assert f"# to execute this experiment run: jpt run +experiment={name}" in text


def test_rows_are_what_their_command_lines_give():
    rows = {"value": "lm=none", "choice": "model=linear_tfidf", "table": "task.files.train=a.tsv"}
    base = ["+experiment=quickstart", "tokenizer.vocab_size=300"]
    raw = composed(*base)
    made = compose_rows(replace(typed(raw), rows={row: [one] for row, one in rows.items()}), Composer(raw))
    for row, override in rows.items():
        alone = typed(composed(*base, f"++{override}" if row == "table" else override))
        assert made[row] == alone


def test_a_row_follows_interpolations():
    raw = composed("corpus=kyoto_wiki")
    made = compose_rows(replace(typed(raw), rows={"here": ["data_root=/here"]}), Composer(raw))
    assert made["here"].corpus.sources["kyoto_wiki"].path.startswith("/here/")
    assert raw.data_root != "/here"


@pytest.mark.parametrize(("words", "expected"), [
    ([], [("tfidf", 0), ("tfidf", 1)]),
    (["seed=5"], [("tfidf", 5)]),
    (["++seed=5"], [("tfidf", 5)]),
    (["seeds=[3,4]"], [("tfidf", 3), ("tfidf", 4)]),
    (["seeds=[]"], [("tfidf", 0)]),
    (["seeds=[]", "seed=5"], [("tfidf", 5)]),
    (["rows.lm=['seed=1']", "rows.scratch=['seeds=[6,7]']", "only=[scratch,lm,tfidf]"],
     [("scratch", 6), ("scratch", 7), ("lm", 1), ("tfidf", 0), ("tfidf", 1)]),
    (["rows.lm=['seed=1']", "only=[lm,tfidf]", "seed=5"], [("lm", 1), ("tfidf", 5)]),
])
def test_a_seed_that_was_typed_wins_over_the_seeds_of_a_file(words, expected):
    raw = composed("+experiment=quickstart", *words, *([] if "only" in str(words) else ["only=[tfidf]"]))
    runs = expand(typed(raw), raw)
    assert sorted((run.row, run.seed) for run in runs) == sorted(expected)
    assert all(run.config.seed == run.seed and not run.config.seeds for run in runs)


@pytest.mark.parametrize(("words", "message"), [
    (["seed=5", "seeds=[3,4]"], "seed=5 and seeds=[3, 4] are both given"),
    (["rows.lm=['seed=1','seeds=[2]']"], "rows.lm: seed=1 and seeds=[2] are both given"),
])
def test_seed_and_seeds_in_one_place_are_an_error(words, message):
    raw = composed("+experiment=quickstart", *words)
    with pytest.raises(ConfigError, match=re.escape(message)):
        expand(typed(raw), raw)


def test_without_rows_the_configuration_is_its_own_row():
    raw = composed("name=alone")
    config = typed(raw)
    assert compose_rows(config, Composer(raw)) == {"alone": config}


def test_every_verb_has_a_primary_configuration():
    assert all((resource("configs") / f"{verb}.yaml").is_file() for verb in VERBS)
    assert Config in {verb.config_class for verb in VERBS.values()}


@pytest.mark.parametrize("section", [one for one in SECTIONS if one in groups()])
def test_a_fresh_section_is_as_its_preset_and_the_overrides_say(section, tmp_path, monkeypatch):
    monkeypatch.setattr("jptransfer.commands.compose.check", lambda config: None)
    choice = list(groups()[section])[-1]
    values = vars(getattr(Config(), section))
    field = next(name for name, value in values.items() if type(value) in (str, int))
    leaked = "leaked" if isinstance(values[field], str) else 77
    (tmp_path / "experiment").mkdir()
    (tmp_path / "experiment" / "own.yaml").write_text(
        f"# @package _global_\n{section}: {{{field}: {leaked}}}\nseed: 3\n", encoding="utf-8")
    places = [f"hydra.searchpath=[file://{tmp_path}]", "data_root=/here"]
    alone = composed(f"{section}={choice}", *places)
    expected = OmegaConf.to_container(alone[section], resolve=True, throw_on_missing=False)
    raw = composed("+experiment=own", f"{section}.{field}={leaked}", *places)
    made = Composer(raw).compose([f"{section}={choice}"], (section,))
    assert OmegaConf.to_container(made[section], resolve=True) == expected and made.seed == 3


@pytest.mark.parametrize("section", ["task", "finetuning"])
def test_a_suites_experiment_does_not_reach_a_fresh_section(section):
    composed()
    made = Composer()(["+experiment=quickstart_ner", f"{section}=none" if section == "task" else
                       "finetuning=default"], (section,))
    alone = typed(composed("task=none", "finetuning=default"))
    assert getattr(made, section) == getattr(alone, section) and made.corpus.name == "toy"


@pytest.mark.parametrize("words", [
    ["+experiment=quickstart", "seed=5"], ["+experiment=quickstart", "seed=6", "task.name=1.50"],
    ["task=toy_ner", "model=bert_tiny", "model.bert.dropout=0.3"], ["task=toy_ner", "~task.label_map"],
    ["task=toy_ner", "task.files={train: a}", "+task.files.test=b"],
    ["task=toy_ner", "hydra.job.chdir=false", "name=x"],
])
def test_a_job_of_a_sweep_has_the_configuration_that_hydra_composes(words):
    master = compose("run", [], return_hydra_config=True)
    loader = GlobalHydra.instance().config_loader()
    ours, again = (_load_sweep_config(loader, master, words) for _ in range(2))
    hydras = _hydras_sweep_config(loader, master, words)
    ours.hydra.overrides.task.append("x")  # a job's own configuration: nothing of it is in the next job's
    assert OmegaConf.to_container(again) == OmegaConf.to_container(hydras)
    assert OmegaConf.get_type(again) is OmegaConf.get_type(hydras)


def test_jobs_that_differ_in_values_are_composed_once(monkeypatch):
    master = compose("run", [], return_hydra_config=True)
    loader, loaded = GlobalHydra.instance().config_loader(), []
    load = ConfigLoaderImpl.load_configuration
    monkeypatch.setattr(ConfigLoaderImpl, "load_configuration", lambda *one: loaded.append(one) or load(*one))
    for seed in range(5):
        assert _load_sweep_config(loader, master, ["corpus=toy", "model=linear_tfidf", f"seed={seed}"]).seed == seed
    assert len(loaded) == 1
