"""The pages of `jpt VERB --help`: short overviews whose commands work, sections, and every setting."""

import shlex

import pytest
from hydra import compose, initialize_config_dir

from jptransfer.commands import VERBS
from jptransfer.commands.compose import register, typed
from jptransfer.commands.help import PAGES, verb_help
from jptransfer.commands.launch import parse
from jptransfer.config.describe import settings
from jptransfer.errors import ConfigError
from jptransfer.resources import resource

pytestmark = pytest.mark.slow

EXAMPLES = [(verb, example) for verb, page in PAGES.items() for example in page.examples]


@pytest.mark.parametrize("verb", VERBS.values(), ids=VERBS)
def test_an_overview_fits_on_two_screens(verb):
    lines = verb_help(verb, ["--help"]).splitlines()
    assert len(lines) <= 50 and max(map(len, lines)) <= 100
    assert lines[0].startswith(f"usage: jpt {verb.name}") and PAGES[verb.name].about.split()[0] in lines[2]


@pytest.mark.parametrize(("verb", "example"), EXAMPLES, ids=[" ".join(one) for one in EXAMPLES])
def test_an_example_is_a_command_that_composes(verb, example):
    overrides = [one for one in parse(VERBS[verb], shlex.split(example)).overrides if "learning_rate" not in one]
    swept = [one if "[" in one else one.split(",")[0] for one in overrides] if "-m" in example else overrides
    register(VERBS[verb])
    with initialize_config_dir(version_base="1.3", config_dir=str(resource("configs"))):
        typed(compose(verb, swept))


@pytest.mark.parametrize("verb", VERBS.values(), ids=VERBS)
def test_all_lists_every_setting_with_its_help(verb):
    page = " ".join(verb_help(verb, ["--help", "all"]).split())
    for setting in settings(verb.config_class):
        assert setting.path in page and setting.help in page


def test_an_overview_names_the_groups_of_its_verb_and_their_choices():
    page = verb_help(VERBS["pretrain"], ["--help"])
    assert "  corpus       text a language model is pre-trained on: none, toy, text_file" in page
    assert "  finetuning " not in page and "  evaluation " not in page
    assert "  finetuning " in verb_help(VERBS["finetune"], ["--help"])
    assert "pretraining.precision (fp32|bf16, default fp32): number format" in page


@pytest.mark.parametrize("words", [["--help", "finetuning.encoder"], ["seed=3", "-h", "finetuning.encoder"],
                                   ["--help=finetuning.encoder"]])
def test_a_section_is_printed_with_everything_below_it(words):
    lines = verb_help(VERBS["finetune"], words).splitlines()
    named = [line.split()[0].rstrip(":") for line in lines if line.startswith("  finetuning")]
    wanted = [one.path for one in settings(VERBS["finetune"].config_class)
              if one.path.startswith("finetuning.encoder.")]
    assert named == ["finetuning.encoder", *wanted]


def test_the_page_of_a_group_lists_its_choices(tmp_path):
    (tmp_path / "corpus").mkdir()
    (tmp_path / "corpus/mine.yaml").write_text(
        "# My own text, by T. Abe et al. In\n# two lines. More.\nname: a\n")
    page = verb_help(VERBS["run"], ["--help", "corpus", f"--config-dir={tmp_path}"])
    assert "  mine: My own text, by T. Abe et al. In two lines.\n" in page
    assert "  toy: " in page and "corpus.cleaning.min_chars (int, default 1)" in page


def test_a_command_with_help_behind_it_gets_the_overview():
    overview = verb_help(VERBS["run"], ["--help"])
    assert verb_help(VERBS["run"], ["+experiment=quickstart", "--help"]) == overview
    assert verb_help(VERBS["run"], ["-m", "--help", "lm=none,auto"]) == overview


@pytest.mark.parametrize(("asked", "nearest"), [("finetunng", "'finetuning'"), ("corpus.cleanin", "'corpus.cleaning'"),
                                                ("expriment", "'experiment'")])
def test_an_unknown_section_names_the_nearest(asked, nearest):
    with pytest.raises(ConfigError, match=f"unknown section '{asked}' .did you mean {nearest}"):
        verb_help(VERBS["run"], ["--help", asked])
