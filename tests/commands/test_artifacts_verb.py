"""`jpt artifacts`, `jpt ls`, `jpt doctor`."""

import json

import pytest

pytestmark = pytest.mark.slow


@pytest.fixture
def store(jpt, text, tmp_path):
    """A corpus and what was encoded from it by the byte tokenizer."""
    command = (f"corpus.sources.mine.path={text}", "corpus.name=mine", "tokenizer=byte")
    assert jpt("encode", *command).code == 0
    found = {one["kind"]: one for one in json.loads(jpt("artifacts", "ls", "--json").out)}
    assert found.keys() == {"corpus", "tokenizer", "encoded"}
    return {kind: tmp_path / one["path"] for kind, one in found.items()}


def test_ls_and_show(jpt, store):
    lines = jpt("artifacts", "ls", "kind=corpus").out.splitlines()
    assert len(lines) == 1 and "mine" in lines[0]
    short = store["corpus"].name.rpartition("-")[2][:5]
    page = jpt("artifacts", "show", short).out
    assert page.startswith(f"corpus/{store['corpus'].name}") and "setting   corpus.cleaning.steps" in page
    (manifest,) = json.loads(jpt("artifacts", "show", short, "--json").out)
    assert manifest == json.loads((store["corpus"] / "manifest.json").read_text(encoding="utf-8"))


def test_lineage_goes_back_to_the_raw_file(jpt, store):
    out = jpt("artifacts", "lineage", store["encoded"].name).out
    assert f"corpus: corpus/{store['corpus'].name}" in out and "corpus.sources.mine.path: sha256:" in out


def test_diff_names_the_field(jpt, store, text):
    assert jpt("prepare", f"corpus.sources.mine.path={text}", "corpus.name=mine", "corpus.seed=7").code == 0
    ids = [one["id"] for one in json.loads(jpt("artifacts", "ls", "kind=corpus", "--json").out)]
    out = jpt("artifacts", "diff", *ids).out
    assert "corpus.seed: " in out and out.count("\n") == 1


def test_diff_of_an_artifact_with_itself(jpt, store):
    name = store["corpus"].name
    assert jpt("artifacts", "diff", name, name[-12:]).out == "no difference\n"


@pytest.mark.parametrize("content", ["", "[]", "null", "{}", '{"schema": 1}', '{"schema": 1, "recipe": null}', "\0"])
def test_what_is_no_manifest_is_one_line(jpt, store, text, content):
    manifest = store["corpus"] / "manifest.json"
    manifest.write_text(content)
    assert [line.partition("  ")[2][:6] for line in jpt("artifacts", "ls").out.splitlines() if "damaged: " in line] == [
        "corpus"]
    result = jpt("artifacts", "verify")
    assert result.code == 1
    assert f"corpus/{store['corpus'].name}: {manifest.relative_to(manifest.parents[4])}" in result.out
    result = jpt("artifacts", "show", store["corpus"].name)
    assert result.code == 2 and result.err.count("\n") == 1
    assert jpt("prepare", f"corpus.sources.mine.path={text}", "corpus.name=mine").code == 0
    assert jpt("artifacts", "verify").code == 0


def test_verify_finds_a_flipped_byte(jpt, store):
    assert jpt("artifacts", "verify").code == 0
    file = store["corpus"] / "train.txt"
    file.write_bytes(bytes([file.read_bytes()[0] ^ 1]) + file.read_bytes()[1:])
    result = jpt("artifacts", "verify")
    assert result.code == 1 and "train.txt: bytes differ" in result.out and "Traceback" not in result.err


def test_rm_refuses_what_is_needed_and_takes_a_chain_in_any_order(jpt, store):
    result = jpt("artifacts", "rm", store["corpus"].name)
    assert result.code == 2 and store["encoded"].name in result.err and store["corpus"].is_dir()
    assert jpt("artifacts", "rm", store["corpus"].name, store["encoded"].name).code == 0
    assert not store["corpus"].exists() and not store["encoded"].exists()


def test_push_and_pull_by_folder(jpt, store, tmp_path):
    name = store["corpus"].name
    assert jpt("artifacts", "push", name, f"remote={tmp_path / 'shelf'}").code == 0
    result = jpt("artifacts", "pull", name, f"remote={tmp_path / 'shelf'}", f"outputs_root={tmp_path / 'elsewhere'}")
    assert result.code == 0 and result.out.startswith("artifact: ")
    pulled = tmp_path / "elsewhere" / "artifacts" / "corpus" / name
    assert (pulled / "train.txt").read_bytes() == (store["corpus"] / "train.txt").read_bytes()


@pytest.mark.parametrize("action", ["show", "lineage", "diff", "rm", "push", "pull"])
def test_actions_say_that_they_need_ids(jpt, action):
    result = jpt("artifacts", action)
    assert result.code == 2 and "id" in result.err and result.err.count("\n") == 1


@pytest.mark.parametrize(("what", "expected"), [
    ("models", "model=bert_tiny"), ("corpora", "corpus=toy"), ("corpus", "corpus=toy"), ("tasks", "task=toy_ner"),
    ("tokenizers", "tokenizer.kind=unigram"), ("experiments", "+experiment=quickstart"), ("", "metrics"),
    ("kinds", "task.kind=ner"), ("", "kinds"), ("metrics", "evaluation.metrics=[pearson]"),
])
def test_ls(jpt, what, expected):
    result = jpt("ls", *filter(None, [what]))
    assert result.code == 0 and any(line.startswith(expected) for line in result.out.splitlines())


def test_ls_shows_own_choices_with_whole_sentences(jpt, tmp_path):
    (tmp_path / "own/task").mkdir(parents=True)
    (tmp_path / "own/task/mine.yaml").write_text(
        "# Reviews of T. Abe et al. (2020), with\n# stars. And more.\nname: a\n")
    own = jpt("ls", "tasks", "--config-dir=own")
    found = jpt("ls", "tasks", f"hydra.searchpath=[file://{tmp_path / 'own'}]")
    assert own.out == found.out
    (line,) = [one for one in own.out.splitlines() if one.startswith("task=mine ")]
    assert line.split(maxsplit=1)[1] == "Reviews of T. Abe et al. (2020), with stars."
    assert "task=toy_ner" in own.out and "task.kind=" not in own.out
    assert "task=mine" not in jpt("ls", "tasks").out


def test_every_choice_has_a_line_of_help(jpt):
    from jptransfer.commands.ls import catalogue

    silent = [name for lines in catalogue([]).values() for name, text in lines if not text]
    assert silent == []


def test_doctor_is_well_here_and_fails_where_outputs_cannot_be_written(jpt, tmp_path):
    result = jpt("doctor")
    assert result.code == 0 and "unidic-lite opens" in result.out and "package" in result.out
    (tmp_path / "file").write_text("")
    broken = jpt("doctor", f"outputs_root={tmp_path / 'file' / 'below'}")
    assert broken.code == 1 and "FAIL" in broken.out and "outputs_root=" in broken.out
