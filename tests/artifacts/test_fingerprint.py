"""Identity: equal settings agree, everything else differs or is refused."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field, replace
from enum import Enum
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jptransfer.artifacts.fingerprint import canonical, canonical_json, differences, externals, fingerprint
from jptransfer.config import Config, CorpusConfig, OptimizerConfig, SourceConfig
from jptransfer.config.fields import setting


class Colour(Enum):
    red = "red"


@dataclass
class Part:
    rate: float = 0.5
    colour: Colour = Colour.red


@dataclass
class Whole:
    name: str = setting("x", label=True)
    path: str = setting("", external=True)
    part: Part = field(default_factory=Part)
    later: int = setting(0, omit_when=0)
    anything: Any = None


def test_sha256_of_a_recipe_worked_by_hand() -> None:
    text = '{"a":[1,2],"b":{"c":"愛","d":null}}'
    assert fingerprint({"b": {"d": None, "c": "愛"}, "a": [1.0, 2]}) == hashlib.sha256(text.encode()).hexdigest()


def test_labels_places_and_omitted_defaults_do_not_count() -> None:
    base = canonical_json(Whole())
    assert base == '{"anything":null,"part":{"colour":"red","rate":0.5}}'
    assert canonical_json(Whole(name="y", path="/a/b")) == base
    assert canonical_json(Whole(later=1)) != base


@pytest.mark.parametrize("value", [Path("/x"), float("nan"), float("inf"), len, {1, 2}, {1: "a"}, b"x", object()])
def test_what_has_no_canonical_form_is_refused_with_its_place(value: Any) -> None:
    with pytest.raises(TypeError, match="anything"):
        canonical(Whole(anything=value))


@given(st.integers(-(2**53), 2**53))
def test_an_integral_float_and_the_integer_agree(number: int) -> None:
    assert canonical_json({"x": float(number)}) == canonical_json({"x": number})


@given(st.floats(allow_nan=False, allow_infinity=False), st.floats(allow_nan=False, allow_infinity=False))
def test_different_numbers_differ(one: float, other: float) -> None:
    same = canonical_json(OptimizerConfig(eps=one)) == canonical_json(OptimizerConfig(eps=other))
    assert same == (one == other)


def test_booleans_are_not_numbers() -> None:
    assert canonical_json(True) != canonical_json(1)


def test_the_order_of_sources_counts_and_that_of_other_tables_does_not() -> None:
    one, two = SourceConfig(split="a"), SourceConfig(split="b")
    assert canonical_json(CorpusConfig(sources={"a": one, "b": two})) != canonical_json(
        CorpusConfig(sources={"b": two, "a": one}))
    assert canonical_json(CorpusConfig(exclude={"a": one, "b": two})) == canonical_json(
        CorpusConfig(exclude={"b": two, "a": one}))


def test_externals_are_found_in_tables() -> None:
    config = CorpusConfig(sources={"a": SourceConfig(path="x.txt"), "b": SourceConfig()})
    assert [(place.where, place.value) for place in externals(config)] == [("sources.a.path", "x.txt")]


def test_every_section_of_the_configuration_has_an_identity() -> None:
    assert len(fingerprint(Config())) == 64
    assert fingerprint(Config()) != fingerprint(replace(Config(), seed=1))


def test_differences_name_the_fields() -> None:
    old, new = {"a": {"b": 1, "c": 2}, "d": 3}, {"a": {"b": 1, "c": 5}, "e": 4}
    assert list(differences(old, new)) == [("a.c", 2, 5), ("d", 3, None), ("e", None, 4)]
