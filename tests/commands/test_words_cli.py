"""Words of a command line, through Hydra's own start: deleted entries, labels that other readers take for values."""

import json

import pytest

pytestmark = pytest.mark.slow


@pytest.mark.parametrize(("override", "said"), [
    ("~task.seed", "~task.seed: only entries of tables can be deleted"),
    ("~corpus.sources.toy.path", "only entries of tables can be deleted"),
    ("~task.files.tset", "unknown entry 'tset'; there are: all"),
])
def test_what_cannot_be_deleted_is_one_line(jpt, override, said):
    found = jpt("run", "corpus=toy", "task=toy_sentiment", override, "dry_run=true")
    assert found.code == 2 and said in found.err and found.err.count("\n") == 1 and "++" not in found.err


def test_labels_with_names_that_yaml_and_hydra_read_otherwise(jpt, tmp_path):
    labels = ["1.0", "null", "NA", "???"]
    rows = "".join(f"良い 文 {label} {number}\t{label}\n" for number in range(12) for label in labels)
    (tmp_path / "mine.tsv").write_text("text\tlabel\n" + rows, encoding="utf-8")
    done = jpt("prepare", "task=text_file", "task.files.all=mine.tsv", f"task.labels=[{','.join(labels)}]")
    assert done.code == 0, done.err
    [found] = (tmp_path / "outputs/artifacts/dataset").glob("*/statistics.json")
    assert set(json.loads(found.read_text(encoding="utf-8"))["splits"]["train"]["labels"]) == set(labels)
    swept = jpt("prepare", "task=text_file", "task.files.all=mine.tsv", "task.label_map={1.0:one,???:what},{null:none}",
                "task.labels=[]", "-m")
    assert swept.code == 0, swept.err
    made = [json.loads(path.read_text(encoding="utf-8"))["recipe"]["config"] for path in
            (tmp_path / "outputs/artifacts").glob("*/*/manifest.json")]
    maps = [one["task"]["label_map"] for one in made if "task" in one]
    assert {"1.0": "one", "???": "what"} in maps and {"null": "none"} in maps
