"""The stage as a whole: what it writes, what it counts, restarts, workers, budgets, and how much memory it takes."""

from __future__ import annotations

import json
import random
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from jptransfer.config import CleaningConfig, CorpusConfig, DeduplicationConfig, OnError, RuntimeConfig, SourceConfig
from jptransfer.corpora import collect
from jptransfer.corpora.store import CorpusStore
from jptransfer.errors import ConfigError, DataError
from jptransfer.runtime import RichProgress, Runtime
from jptransfer.stages.prepare_corpus import PrepareCorpusStage, run
from tests.small import polarity, polarity_examples

pytestmark = pytest.mark.slow

WORDS = "雨風山川海空花鳥月星朝夜春夏秋冬町村駅道橋森水火石声色音人犬"


def documents(count: int, seed: int = 0) -> list[list[str]]:
    rng = random.Random(seed)
    return [["".join(rng.choices(WORDS, k=rng.randint(5, 30))) + "だ。" for _ in range(rng.randint(1, 6))]
            for _ in range(count)]


def write(path: Path, some: list[list[str]]) -> SourceConfig:
    path.write_text("\n".join("\n".join(document) + "\n" for document in some), encoding="utf-8")
    return SourceConfig(path=str(path))


def prepare(out: Path, runtime: Runtime | None = None, **settings) -> dict:
    out.mkdir(parents=True, exist_ok=True)
    summary = run(PrepareCorpusStage(CorpusConfig(**settings)), {}, out, runtime or Runtime())
    assert summary.values == json.loads((out / "statistics.json").read_text(encoding="utf-8"))
    return summary.values


def split(out: Path, name: str) -> list[list[str]]:
    blocks = (out / f"{name}.txt").read_text(encoding="utf-8").split("\n\n")
    assert blocks.pop() == ""
    return [block.split("\n") for block in blocks]


def files(out: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in out.iterdir() if file.is_file()}


def test_every_document_once_in_order_with_true_counts(tmp_path):
    some = documents(400)
    source = write(tmp_path / "a.txt", some)
    facts = prepare(tmp_path / "out", sources={"a": source}, validation_fraction=0.1, test_fraction=0.2)
    parts = {name: split(tmp_path / "out", name) for name in ("train", "validation", "test")}
    for name, part in parts.items():
        order = [some.index(document) for document in part]
        assert order == sorted(order)
        assert facts["splits"][name] == {
            "documents": len(part), "sentences": sum(map(len, part)),
            "characters": sum(len(sentence) for document in part for sentence in document),
            "bytes": (tmp_path / "out" / f"{name}.txt").stat().st_size}
    assert sorted(map(tuple, sum(parts.values(), []))) == sorted(map(tuple, some))
    assert 20 < len(parts["validation"]) < 60 < len(parts["test"]) < 100


def test_splits_stay_when_documents_are_added(tmp_path):
    some = documents(600)
    for name, part in (("small", some[100:300]), ("large", some)):
        prepare(tmp_path / name, sources={"a": write(tmp_path / f"{name}.txt", part)}, validation_fraction=0.2)
    small, large = ({tuple(document) for document in split(tmp_path / name, "validation")}
                    for name in ("small", "large"))
    assert small and small <= large
    assert large & {tuple(document) for document in some[100:300]} == small


def test_exact_and_near_duplicates_over_all_sources(tmp_path):
    some = [["".join(document) * 3] for document in documents(60)]
    near = [[document[0][:-1] + "よ"] for document in some[:10]]
    sources = {"a": write(tmp_path / "a.txt", some), "b": write(tmp_path / "b.txt", some[5:25] + near)}
    facts = prepare(tmp_path / "out", sources=sources, deduplication=DeduplicationConfig(near=True),
                    validation_fraction=0.0)
    assert split(tmp_path / "out", "train") == some
    assert facts["sources"]["b"]["exact_duplicates"] == 20
    assert facts["sources"]["b"]["near_duplicates"] == 10
    assert facts["sources"]["a"]["kept"]["documents"] == 60
    off = DeduplicationConfig(exact=False)
    assert prepare(tmp_path / "off", sources=sources, deduplication=off)["splits"]["train"]["documents"] == 90 - 1


def test_cleaning_filters_and_exclusion_are_counted(tmp_path):
    source = write(tmp_path / "a.txt", [["ﾃｽﾄの文。", "短", "English."], ["秘密の文。", "別の文。"], ["秘密の文。"]])
    facts = prepare(tmp_path / "out", sources={"a": source}, exclude={"b": write(tmp_path / "b.txt", [["秘密の文。"]])},
                    cleaning=CleaningConfig(min_chars=2, min_japanese=0.5), validation_fraction=0.0)
    assert split(tmp_path / "out", "train") == [["テストの文。"], ["別の文。"]]
    assert facts["sources"]["a"]["dropped"] == {"min_chars": 1, "min_japanese": 1, "excluded": 2, "documents": 1}
    assert facts["sources"]["a"]["read"]["sentences"] == 6


def test_budget_by_weights(tmp_path):
    sources = {name: write(tmp_path / f"{name}.txt", documents(2000, seed)) for seed, name in enumerate("ab")}
    sources["a"].weight = 3.0
    facts = prepare(tmp_path / "out", sources=sources, max_bytes=100_000, validation_fraction=0.0)
    kept = {name: facts["sources"][name]["kept"]["bytes"] for name in "ab"}
    assert 99_000 < sum(kept.values()) == (tmp_path / "out" / "train.txt").stat().st_size <= 100_000
    assert kept["a"] / kept["b"] == pytest.approx(3, rel=0.02)
    smaller = prepare(tmp_path / "smaller", sources=sources, max_bytes=50_000, validation_fraction=0.0)
    inside, outside = ({tuple(d) for d in split(tmp_path / name, "train")} for name in ("smaller", "out"))
    assert inside < outside
    assert smaller["sources"]["a"]["over_budget"] > facts["sources"]["a"]["over_budget"]


def test_budget_of_a_source_takes_from_everywhere(tmp_path):
    source = write(tmp_path / "a.txt", some := documents(3000))
    source.max_bytes = 40_000
    prepare(tmp_path / "out", sources={"a": source}, validation_fraction=0.0)
    places = [some.index(document) / 3000 for document in split(tmp_path / "out", "train")]
    assert sum(places) / len(places) == pytest.approx(0.5, abs=0.06)


def test_bytes_do_not_depend_on_workers(tmp_path, monkeypatch):
    source = write(tmp_path / "a.txt", documents(3000) + documents(100))
    monkeypatch.setattr(collect, "PARALLEL_BYTES", 1)
    monkeypatch.setattr(collect, "BATCH_CHARACTERS", 5000)
    for workers in (1, 2):
        prepare(tmp_path / f"{workers}", Runtime(RuntimeConfig(workers=workers)), sources={"a": source},
                deduplication=DeduplicationConfig(near=True))
    assert files(tmp_path / "1") == files(tmp_path / "2")


def test_restart_after_a_kill_gives_the_same_bytes_and_does_not_read_twice(tmp_path, monkeypatch):
    sources = {name: write(tmp_path / f"{name}.txt", documents(300, seed)) for seed, name in enumerate("ab")}
    prepare(tmp_path / "whole", sources=sources)
    read = Counter()
    original = collect.Cleaner.batch

    def killed(self, batch):
        read["batches"] += 1
        if read["batches"] == 2:
            raise KeyboardInterrupt
        return original(self, batch)

    monkeypatch.setattr(collect.Cleaner, "batch", killed)
    with pytest.raises(KeyboardInterrupt):
        prepare(tmp_path / "out", sources=sources)
    assert not (tmp_path / "out" / "train.txt").exists()
    prepare(tmp_path / "out", sources=sources)
    assert read["batches"] == 3  # a; b, killed; b again
    (tmp_path / "out" / "train.txt").write_text("torn")
    prepare(tmp_path / "out", sources=sources)
    assert read["batches"] == 3
    assert files(tmp_path / "out") == files(tmp_path / "whole")


def test_a_restart_may_name_the_sources_in_another_order(tmp_path, monkeypatch):
    sources = {name: write(tmp_path / f"{name}.txt", documents(20 * seed, seed)) for seed, name in enumerate("ab", 1)}
    turned = dict(reversed(sources.items()))
    whole = prepare(tmp_path / "whole", sources=turned)
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(CorpusStore, "sample", lambda self: (_ for _ in ()).throw(KeyboardInterrupt))
        prepare(tmp_path / "out", sources=sources)
    assert prepare(tmp_path / "out", sources=turned) == whole
    assert files(tmp_path / "out") == files(tmp_path / "whole")


def test_unreadable_parts_stop_or_are_reported(tmp_path):
    path = tmp_path / "a.txt"
    path.write_bytes("一つ目の文。\n\n".encode() + b"\xff\xfe\n\n" + "二つ目の文。\n".encode())
    sources = {"a": SourceConfig(path=str(path)), "b": SourceConfig(path=str(tmp_path / "none.txt"))}
    with pytest.raises(DataError, match=r"a\.txt:3: not utf-8"):
        prepare(tmp_path / "stop", sources=sources)
    facts = prepare(tmp_path / "skip", sources=sources, on_error=OnError.skip)
    assert facts["sources"]["a"]["skipped"] == {"bad_bytes": 1}
    assert facts["sources"]["b"]["skipped"] == {"missing": 1}
    again = PrepareCorpusStage(CorpusConfig(sources=sources, on_error=OnError.skip))
    assert run(again, {}, tmp_path / "skip", Runtime()).headline.endswith("; skipped: bad_bytes 1; skipped: missing 1")
    assert str(tmp_path) not in (tmp_path / "skip" / "statistics.json").read_text(encoding="utf-8")


def test_a_loss_of_more_than_one_in_a_hundred_is_said(tmp_path, capsys):
    (tmp_path / "a.jsonl").write_text('{"text": "雨です。"}\n{"text": "晴れです。"}\n{"text": \n', encoding="utf-8")
    source = SourceConfig(path=str(tmp_path / "a.jsonl"), format="jsonl")
    prepare(tmp_path / "out", Runtime(progress=RichProgress(bars=False)), sources={"a": source}, on_error=OnError.skip)
    said = capsys.readouterr().err
    assert "warning: source a: 1 malformed skipped, beside 2 documents read; the first: a.jsonl:3" in said


def test_a_development_split_is_never_empty(tmp_path):
    source = write(tmp_path / "a.txt", documents(3))
    facts = prepare(tmp_path / "out", sources={"a": source}, validation_fraction=0.001, test_fraction=0.001)
    counts = {name: count["documents"] for name, count in facts["splits"].items()}
    assert counts == {"train": 1, "validation": 1, "test": 1}


@pytest.mark.parametrize(("some", "settings", "error", "message"), [
    ([["一。", "二。"]], {}, DataError, "1 document, too few"),
    ([["x"]], {"cleaning": CleaningConfig(min_japanese=0.5)}, DataError, "no document is left.*min_japanese"),
])
def test_what_cannot_be_split(tmp_path, some, settings, error, message):
    with pytest.raises(error, match=message):
        prepare(tmp_path / "out", sources={"a": write(tmp_path / "a.txt", some)}, **settings)


MEASURE = """
import resource, sys
from pathlib import Path
from jptransfer.config import CorpusConfig, DeduplicationConfig, RuntimeConfig, SourceConfig
from jptransfer.runtime import Runtime
from jptransfer.stages.prepare_corpus import PrepareCorpusStage
from jptransfer.stages.prepare_corpus import run
from tests.small import polarity, polarity_examples
config = CorpusConfig(sources={"a": SourceConfig(path=sys.argv[1])}, max_bytes=int(sys.argv[3]),
                      deduplication=DeduplicationConfig(near=True))
Path(sys.argv[2]).mkdir()
run(PrepareCorpusStage(config), {}, Path(sys.argv[2]), Runtime(RuntimeConfig(workers=1)))
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


def test_peak_memory_does_not_grow_with_the_input(tmp_path):
    some, peaks = documents(15_000), []
    for size in (1, 10):
        path = tmp_path / f"{size}.txt"
        with path.open("w", encoding="utf-8") as stream:
            for part in "甲乙丙丁甲乙丙丁甲乙"[:size]:  # a part is repeated
                stream.writelines("\n".join(part + line for line in document) + "\n\n" for document in some)
        arguments = [path, tmp_path / f"out{size}", path.stat().st_size // 2]
        run = subprocess.run([sys.executable, "-c", MEASURE, *map(str, arguments)],
                             check=True, capture_output=True, text=True)
        peaks.append(int(run.stdout))
    assert peaks[1] < 1.15 * peaks[0], peaks


@pytest.mark.real
def test_kyoto_articles_have_their_known_counts(shared_data, tmp_path):
    source = SourceConfig(path=str(shared_data / "kyoto_wiki" / "articles.ja.txt.xz"))
    facts = prepare(tmp_path / "out", sources={"a": source})
    assert sum(count["documents"] for count in facts["splits"].values()) == 14_110
    assert sum(count["sentences"] for count in facts["splits"].values()) == 443_598


def test_the_training_texts_of_a_task_and_no_others(tmp_path):
    dataset = polarity(tmp_path / "dataset")  # its test split cannot be read
    (tmp_path / "out").mkdir()
    corpus = CorpusConfig(sources={"task": SourceConfig(format="task")}, validation_fraction=0.2)
    run(PrepareCorpusStage(corpus), {"dataset": dataset}, tmp_path / "out", Runtime())
    found = [
        sentence for part in ("train", "validation") for text in split(tmp_path / "out", part) for sentence in text
    ]
    texts = [example.text for number, example in enumerate(polarity_examples()) if number % 4]
    assert sorted(found) == sorted(texts)


@pytest.mark.parametrize(("source", "said"), [
    ({"split": "test"}, "sources.task.split: only the training split"),
    ({"split": "dev"}, "sources.task.split: only the training split"),
])
def test_a_task_is_no_place(tmp_path, source, said):
    corpus = CorpusConfig(sources={"task": SourceConfig(format="task", **source)})
    with pytest.raises(ConfigError, match=said):
        run(PrepareCorpusStage(corpus), {"dataset": polarity(tmp_path / "dataset")}, tmp_path, Runtime())
