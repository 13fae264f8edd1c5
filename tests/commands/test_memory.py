"""A command whose files are as they were answers without Hydra; anything that could change its answer makes it look."""

from __future__ import annotations

import shutil

import pytest

from jptransfer import cli
from jptransfer.commands import memory
from jptransfer.commands.memory import Memory, memory_of, watched_by
from jptransfer.config import CorpusConfig, LmTrainingConfig, SourceConfig
from jptransfer.pipeline import Plan, PlannedStage, State
from jptransfer.pipeline.graph import PretrainedRef, StageNode
from jptransfer.stages import PrepareCorpusStage, PretrainStage

PREPARE = ("prepare", "corpus=text_file", "corpus.sources.text.path=text.txt", "runtime.workers=1")


@pytest.fixture
def prepare(jpt, text, monkeypatch):
    """Run the command; gives its result and whether it came to Hydra."""
    asked = []
    true = cli.hand_over
    monkeypatch.setattr(cli, "hand_over", lambda *given: asked.append(1) or true(*given))

    def run(*more):
        asked.clear()
        result = jpt(*PREPARE, *more)
        assert result.code == 0, result.err
        return result.out, bool(asked)

    return run


def test_the_same_command_again_prints_the_same_without_hydra(prepare):
    printed, looked = prepare()
    assert looked
    assert prepare() == (printed, False)


@pytest.mark.parametrize("change", ["raw file", "environment", "artifact gone", "other words", "source"])
def test_what_could_change_the_answer_makes_it_look_again(prepare, text, change, tmp_path, monkeypatch):
    prepare()
    more = ["seed=1"] if change == "other words" else []
    if change == "raw file":
        with text.open("a", encoding="utf-8") as stream:
            stream.write("\nもう一つの文です。\n")
    elif change == "environment":
        monkeypatch.setenv("SOMETHING_A_CONFIGURATION_MAY_READ", "1")
    elif change == "artifact gone":
        shutil.rmtree(tmp_path / "outputs" / "artifacts")
    elif change == "source":
        monkeypatch.setattr(memory, "PACKAGE", tmp_path)
    assert prepare(*more)[1]


def test_sweeps_and_other_options_have_no_memory():
    assert memory_of(["run", "-m", "seed=1,2"]) is None
    assert memory_of(["run", "--config-dir", "mine"]) is None


def test_a_memory_that_cannot_be_read_is_none(tmp_path):
    kept = Memory(tmp_path / "one.json")
    assert kept.recall() is None
    kept.path.write_text("{", encoding="utf-8")
    assert kept.recall() is None


def test_what_is_not_a_file_may_mean_something_else_tomorrow(tmp_path):
    config = CorpusConfig(sources={"text": SourceConfig(path=str(tmp_path / "a.txt"))})
    corpus = StageNode("prepare_corpus", "c", PrepareCorpusStage(config), {},
                  {"corpus.sources.text.path": "sha256:0"})
    start = PretrainedRef("hub", "hub:org/name@0", "hf:org/name", False)
    adapted = StageNode("adapt", "a", PretrainStage(None, LmTrainingConfig()), {"start": start}, {})

    def plan(*nodes):
        return Plan([PlannedStage(node, State.present, None, True) for node in nodes], list(nodes))

    assert watched_by(plan(corpus)) == [tmp_path / "a.txt"]
    assert watched_by(plan(corpus, adapted)) is None
