"""What a user reads names the setting by its whole path, in words of this command line, before anything is built."""

import importlib.util

import pytest

from jptransfer.config.qualified import qualified

pytestmark = pytest.mark.slow

JARGON = ("Hydra", "OmegaConf", "Lexer", "viable", "++", "ListConfig", "DictConfig", ".cc(", "trainer_spec",
          "Traceback")


@pytest.mark.parametrize(("message", "section", "said"), [
    ("a.tsv:3: 2 columns (on_error=skip would go on)", "task", "a.tsv:3: 2 columns (task.on_error=skip would go on)"),
    ("objective.mlm.next_sentence: no two sentences", "adaptation",
     "adaptation.objective.mlm.next_sentence: no two sentences"),
    ("learning_rate: too large", "finetuning", "finetuning.encoder.learning_rate: too large"),
    ("learning_rate: too large", "pretraining", "pretraining.learning_rate: too large"),
    ("corpus.max_bytes with corpus.sources.x.weight; corpus=toy", "domain",
     "domain.max_bytes with domain.sources.x.weight; corpus=toy"),
    ("lm=none: file.txt, model.architecture=x, 'name=a'", "task", "lm=none: file.txt, model.architecture=x, 'name=a'"),
])
def test_settings_have_their_whole_paths(message, section, said):
    assert qualified(message, section) == said


def refused(result, *said, code=2):
    assert result.code == code, result.err
    line = result.err.strip().splitlines()[-1]
    assert all(word in line for word in said), line
    assert not [word for word in JARGON if word in result.err], result.err


def write(path, lines, encoding="utf-8"):
    path.write_text("".join(f"{line}\n" for line in lines), encoding=encoding)


def test_skipping_is_offered_by_its_setting_where_most_is_kept(jpt, tmp_path):
    good = [f"良い 文 {number}\tyes" for number in range(9)]
    write(tmp_path / "few.tsv", ["text\tlabel", *good, "stray", *good])
    refused(jpt("prepare", "task=text_file", "task.files.all=few.tsv"), "few.tsv:11", "(task.on_error=skip would go on")
    write(tmp_path / "most.tsv", ["text\tlabel", "良い\tyes", *(["stray"] * 20)])
    result = jpt("prepare", "task=text_file", "task.files.all=most.tsv")
    refused(result, "most.tsv:3", "most of the input cannot be read")
    assert "skip" not in result.err


@pytest.mark.parametrize("section", ["corpus", "domain"])
def test_a_corpus_names_its_own_section(jpt, tmp_path, section):
    (tmp_path / "mine.txt").write_bytes("良い。\n".encode() * 30 + "悪い。\n".encode("cp932") + "文。\n".encode() * 9)
    choice = [f"{section}=text_file", f"{section}.sources.text.path=mine.txt"]
    refused(jpt("prepare", *choice), f"{section}.sources.text.encoding can name another one",
            f"({section}.on_error=skip would go on without it)")
    (tmp_path / "mine.txt").write_bytes("良い。\n悪い。\n".encode("cp932"))
    result = jpt("prepare", *choice)
    refused(result, "most of the input cannot be read")
    assert "skip" not in result.err


@pytest.mark.parametrize("encoding", ["utf-16", "utf-32", "utf-16-le"])
def test_a_byte_order_mark_names_the_encoding_to_give(jpt, tmp_path, encoding):
    mark = "\ufeff" if encoding.endswith("le") else ""
    lines = [f"{mark}text\tlabel", *(f"良い 文 {number}\t{number % 2}" for number in range(30))]
    write(tmp_path / "mine.tsv", lines, encoding)
    wanted = encoding.removesuffix("-le")
    for more in ([], ["task.on_error=skip"]):
        refused(jpt("prepare", "task=text_file", "task.files.all=mine.tsv", *more), f"give task.encoding={wanted}")
    assert jpt("prepare", "task=text_file", "task.files.all=mine.tsv", f"task.encoding={wanted}").code == 0
    refused(jpt("prepare", "corpus=text_file", "corpus.sources.text.path=mine.tsv"),
            f"give corpus.sources.text.encoding={wanted}")


@pytest.mark.parametrize("tracker", ["tensorboard", "wandb", "trackio"])
def test_a_tracker_that_is_not_installed_is_told_before_anything_is_built(jpt, tmp_path, monkeypatch, tracker):
    found = importlib.util.find_spec
    monkeypatch.setattr("jptransfer.config.run.find_spec", lambda name: None if name == tracker else found(name))
    refused(jpt("run", "+experiment=quickstart", f"runtime.trackers=[{tracker}]"),
            f"runtime.trackers: {tracker} is not installed: pip install 'jptransfer[{tracker}]'")
    assert not (tmp_path / "outputs" / "artifacts").exists()


@pytest.mark.parametrize(("words", "said"), [
    (["tokenizer.segmenter.dictionary=ipadic"], "tokenizer.segmenter.dictionary: no dictionary package 'ipadic' is "
                                                "installed: pip install ipadic"),
    (["task.text_column=a,b"], "quote a comma that belongs to the value twice, as in 'task.text_column=\"a,b\"'"),
    (["rows.x=['task.text_column=a,b']"], "rows.x: task.text_column=a,b is several values"),
    (["task.files=[a]"], "task.files: it takes a table, as in task.files={a:b}"),
    (["seed=[1"], "cannot read 'seed=[1': a bracket or a quote is not closed"),
    (["+task.seed=1"], "task.seed is there already; to change it leave the + out"),
    (["task.labels={a:b}"], "task.labels: it takes a list"),
    (["task.sed=1"], "did you mean 'task.seed'?"),
    (["++task.sed=1"], "did you mean 'task.seed'?"),
])
def test_mistakes_are_told_in_words_of_this_command_line(jpt, words, said):
    if importlib.util.find_spec("ipadic") and "ipadic" in words[0]:
        pytest.skip("ipadic is installed here")
    verb = "tokenize" if "ipadic" in words[0] else "prepare"
    refused(jpt(verb, "corpus=toy", "task=toy_sentiment", "tokenizer=toy", *words, "dry_run=true"), said)
