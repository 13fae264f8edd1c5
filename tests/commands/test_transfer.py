"""From the command line: a source that is built, one of the store, what is found again, and mistakes."""

import json
import re
from types import SimpleNamespace

import pytest

from jptransfer.commands.experiment import validation_score
from jptransfer.pipeline import Plan, StageNode

pytestmark = pytest.mark.slow

ENGLISH = [("Anna", "B-PER"), ("lives", "O"), ("in", "O"), ("Rome", "B-LOC")], [("Bob", "B-PER"), ("saw", "O")]
GERMAN = [("Anna", "B-PER"), ("wohnt", "O"), ("in", "O"), ("Bonn", "B-LOC")], [("Siemens", "B-ORG"), ("baut", "O")]
TAGGER = ["task=conll_file", "tokenizer=toy_tagger", "domain=task_words", "model=bilstm_tagger_toy", "lm=none",
          "tokenizer.segmenter.name=whitespace", "finetuning=toy_tagger", "finetuning.encoder.epochs=1",
          "evaluation.bootstrap=0", "runtime.threads=1"]


@pytest.fixture
def tagger(tmp_path):
    """Overrides for a tagger of two German sentences, and the file of English ones."""
    for name, sentences in (("en", ENGLISH), ("de", GERMAN)):
        lines = ["\n".join(f"{token}\t{tag}" for token, tag in sentence) for sentence in sentences]
        (tmp_path / name).write_text("\n\n".join(lines) + "\n", encoding="utf-8")
    splits = ("train", "validation", "test")
    files, english = ([f"task.files.{split}={tmp_path / name}" for split in splits] for name in ("de", "en"))
    return [*TAGGER, *files], english


def test_a_source_that_is_built_is_found_again_and_the_same_by_its_id(jpt, tagger, tmp_path):
    overrides, english = tagger
    take = [f"transfer.build=[{','.join(english)}]", "transfer.groups=[char,dense]", "seed=1"]
    done = jpt("eval", *overrides, *take)
    assert done.code == 0, done.err
    again = jpt("eval", *overrides, *take, "dry_run=true")
    assert "missing" not in again.out and again.out.count("finetune ") == 2
    made = {path.name: json.loads((path / "manifest.json").read_text(encoding="utf-8"))["summary"]["values"]
            for path in (tmp_path / "outputs/artifacts/task_model").glob("*")}
    source, target = sorted(made, key=lambda name: "transfer" in made[name])
    by_id = jpt("eval", *overrides, f"transfer.source={source[-12:]}", *take[1:], "dry_run=true")
    assert "missing" not in by_id.out and "evaluate" in by_id.out
    told = made[target]["transfer"]
    assert list(told["groups"]) == ["char", "head"]
    assert told["outputs"] == {"shared": ["O", "B-LOC", "I-LOC", "B-PER", "I-PER"], "fresh": ["B-ORG", "I-ORG"]}
    (tmp_path / "in.txt").write_text("Anna in Bonn\n", encoding="utf-8")
    assert jpt("predict", target, "in.txt").code == 0


def test_a_source_of_another_task_knows_nothing_of_this_ones_settings(jpt, tagger):
    named = re.compile(r"toy_ner_english-\w{12}")
    alone = named.search(jpt("prepare", "task=toy_ner_english", "task.seed=7", "dry_run=true").out)
    overrides = [*tagger[0], "task.label_map.ORG=PER", "task.validation_fraction=0.3", "task.on_error=skip"]
    found = jpt("eval", *overrides, "transfer.build=[task=toy_ner_english,task.seed=7]", "transfer.groups=[char]",
                "dry_run=true")
    assert found.code == 0, found.err
    assert alone[0] in found.out and set(named.findall(found.out)) == {alone[0]}


LEAK = ("task: {seed: 5, validation_fraction: 0.3, on_error: skip, label_map: {PER: X}, "
        "conll_file: {separator: '|', docstart: document}}\n")


@pytest.mark.parametrize(("words", "file"), [
    (["+experiment=own"], LEAK),
    (["+experiment=own", "only=[a]"], "rows: {a: [task.seed=5, task.conll_file.docstart=document], b: [lm=none]}\n"),
    (["+experiment=own", "-m", "task.seed=5,6"], LEAK),
    (["task.seed=5", "task.conll_file.docstart=document", "+task.expected={train:3}", "~task.expected.train"], ""),
])
def test_a_source_of_another_task_knows_nothing_of_this_ones_settings_wherever_they_stand(jpt, tagger, words, file,
                                                                                         tmp_path):
    (tmp_path / "confs" / "experiment").mkdir(parents=True)
    (tmp_path / "confs" / "experiment" / "own.yaml").write_text(f"# @package _global_\n{file}", encoding="utf-8")
    named = re.compile(r"toy_ner_english-\w{12}")
    alone = named.search(jpt("prepare", "task=toy_ner_english", "task.seed=7", "dry_run=true").out)
    found = jpt("finetune", *tagger[0], *words, "--config-dir=confs", "transfer.groups=[char]", "dry_run=true",
                "transfer.build=[task=toy_ner_english,task.seed=7]")
    assert found.code == 0, found.err
    assert set(named.findall(found.out)) == {alone[0]}


@pytest.mark.parametrize(("transfer", "said"), [
    (["transfer.souce=x"], "did you mean 'transfer.source'?"),
    (["transfer.groups=[char]"], "transfer.groups names what to take, but there is no model"),
    (["transfer.groups=[char]", "transfer.source=build"], "transfer.source=build, but transfer.build is empty"),
    (["transfer.groups=[char]", "transfer.source=1a", "transfer.build=[seed=1]"], "give source or build, not both"),
    (["transfer.groups=[char]", "transfer.build=[taks=conll2003]"], "transfer.build: unknown setting 'taks'"),
    (["transfer.groups=[char]", "transfer.build=[task=conl2003]"], "did you mean 'conll2003'?"),
    (["transfer.groups=[char]", "transfer.build=[task=none]"], "transfer.build: no task is chosen"),
])
def test_mistakes_are_one_line(jpt, tagger, transfer, said):
    found = jpt("finetune", *tagger[0], *transfer, "dry_run=true")
    assert found.code == 2 and said in found.err and found.err.count("\n") == 1


def test_a_search_goes_by_the_model_that_takes_and_not_by_its_source():
    source, data = (StageNode(stage, stage, None, {}, {}) for stage in ("finetune", "prepare_dataset"))
    model = StageNode("finetune", "taker", None, {"dataset": data, "transfer": source}, {})
    evaluation = StageNode("evaluate", "scores", None, {"task_model": model, "dataset": data}, {})
    scores = {source.fingerprint: 0.25, model.fingerprint: 0.75}
    store = SimpleNamespace(find=lambda one, kind: SimpleNamespace(manifest=SimpleNamespace(
        summary={"values": {"metric": "entity_f1", "search": {"entity_f1": scores[one]}}})))
    for target in (evaluation, model):
        assert validation_score(Plan([], [target]), store) == {"metric": "entity_f1", "score": 0.75}
