"""The toy data: the committed files are what the script makes, and they are what their README says."""

from __future__ import annotations

import csv
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
TOY = ROOT / "data" / "toy"


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> Path:
    out = tmp_path_factory.mktemp("toy")
    subprocess.run([sys.executable, ROOT / "scripts" / "make_toy_data.py", "--out", out], check=True)
    return out


def test_the_script_makes_the_committed_bytes(made):
    committed = {file.name: file.read_bytes() for file in TOY.iterdir() if file.name != "README.md"}
    assert {file.name: file.read_bytes() for file in made.iterdir()} == committed


def test_polarity_rows():
    with (TOY / "polarity.tsv").open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream, delimiter="\t", quoting=csv.QUOTE_NONE))
    assert Counter(row["split"] for row in rows) == {"train": 900, "validation": 250, "test": 350}
    assert {row["label"] for row in rows} == {"negative", "neutral", "positive"}
    assert len({row["text"] for row in rows}) == len({row["id"] for row in rows}) == 1500


@pytest.mark.parametrize(("name", "types", "sizes"), [
    ("ner", {"PER", "LOC", "ORG", "DAT"}, {"train": 360, "validation": 100, "test": 160}),
    ("ner_english", {"PER", "LOC", "ORG", "MISC"}, {"train": 320, "validation": 60, "test": 100})])
def test_entities_are_iob2_and_sentences_stand_once(name, types, sizes):
    seen: list[tuple[str, ...]] = []
    for split, size in sizes.items():
        found = sentences(name, split)
        assert len(found) == size
        for tokens, tags in found:
            seen.append(tokens)
            for before, tag in zip(("O", *tags), tags, strict=False):
                assert not tag.startswith("I-") or before[2:] == tag[2:]
            assert not any(token.isspace() for token in tokens)
        assert {tag[2:] for _, tags in found for tag in tags} == {"", *types}
    assert len(set(seen)) == len(seen)


def sentences(name: str, split: str) -> list[tuple[tuple[str, ...], tuple[str, ...]]]:
    """Tokens and tags of each sentence of a file."""
    blocks = (TOY / f"{name}.{split}.conll").read_text(encoding="utf-8").strip().split("\n\n")
    return [tuple(zip(*(line.split("\t") for line in block.split("\n")), strict=True)) for block in blocks]


def test_a_third_of_english_names_are_also_japanese_ones():
    """What a tagger can take from one to the other: names that the Japanese file has, in romanised spelling."""
    from jptransfer.text.romanize import romanise_tokens, romaniser

    segmenter = romaniser("unidic-lite", False).segmenter
    romanised = {letters for tokens, _ in sentences("ner", "train") for letters in romanise_tokens(tokens, segmenter)}
    english = [token.lower() for tokens, tags in sentences("ner_english", "train")
               for token, tag in zip(tokens, tags, strict=True) if tag != "O"]
    assert sum(token in romanised for token in english) > len(english) / 3
