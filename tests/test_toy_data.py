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


def test_entities_are_iob2_and_sentences_stand_once():
    seen: list[str] = []
    for split, size in {"train": 360, "validation": 100, "test": 160}.items():
        blocks = (TOY / f"ner.{split}.conll").read_text(encoding="utf-8").strip().split("\n\n")
        assert len(blocks) == size
        for block in blocks:
            tokens, tags = zip(*(line.split("\t") for line in block.split("\n")), strict=True)
            seen.append("".join(tokens))
            for before, tag in zip(("O", *tags), tags, strict=False):
                assert not tag.startswith("I-") or before[2:] == tag[2:]
            assert {tag[2:] for tag in tags} <= {"", "PER", "LOC", "ORG", "DAT"}
    assert len(set(seen)) == len(seen)
