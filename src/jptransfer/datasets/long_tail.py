"""Utterances to a device, made by a small grammar, with a long tail of entity types (as in johnson2019, figure 2).

A type is a thing and one of its properties (SongTitle). The frequency of the type of rank r is proportional to
``r ** -exponent``. A value is a name of syllables, the same in all languages: カミロ in Japanese, Kamiro in German and
English, so that a model has something to transfer. Same options and seed, same utterances.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from jptransfer.config import TaskConfig
from jptransfer.datasets.base import RawDataset
from jptransfer.tasks.ner import EntityExample
from jptransfer.tasks.spans import Span

LANGUAGES = ("ja", "en", "de")
THINGS = """
Song:曲:song:Lied Album:アルバム:album:Album Film:映画:film:Film Book:本:book:Buch Radio:ラジオ:radio:Radio
Game:ゲーム:game:Spiel Light:照明:light:Licht Alarm:アラーム:alarm:Wecker Timer:タイマー:timer:Timer
Shop:店:shop:Laden Route:道:route:Route
Train:電車:train:Zug Flight:便:flight:Flug Hotel:宿:hotel:Hotel
Recipe:料理:recipe:Rezept Weather:天気:weather:Wetter
Match:試合:match:Partie Team:チーム:team:Team Message:伝言:message:Nachricht Meeting:会議:meeting:Treffen
"""
PROPERTIES = """
Title:題名:title:Titel Person:人:person:Person Place:場所:place:Ort Date:日:date:Datum Time:時刻:time:Zeit
Kind:種類:kind:Art
Maker:作り手:maker:Hersteller Language:言葉:language:Sprache Color:色:color:Farbe
Price:値段:price:Preis Group:仲間:group:Gruppe Source:出所:source:Quelle
"""
VERBS = {"ja": ("教えて", "探して", "変えて", "見せて"), "en": ("find", "show me", "change", "tell me"),
         "de": ("finde", "zeige mir", "nenne mir", "suche")}
PATTERNS = {"ja": ("{thing}の{property}は{value}を{verb}", "{value}という{property}の{thing}を{verb}",
                   "{thing}を{value}で{verb}"),
            "en": ("{verb} the {thing} with {property} {value}", "{verb} {value} as {property} of the {thing}",
                   "{verb} the {thing} {value}"),
            "de": ("{verb} {thing} mit {property} {value}", "{verb} {value} als {property} von {thing}",
                   "{verb} {thing} {value}")}
LINKS = {"ja": "、それと", "en": " and ", "de": " und "}
SYLLABLES = dict(zip(("ka", "ki", "ku", "ko", "sa", "so", "ta", "to", "na", "ni", "no", "ma", "mi", "mo", "ya", "yo",
                      "ra", "ri", "ro", "ha", "hi", "da", "do", "ga", "go", "ba"),
                     "カキクコサソタトナニノマミモヤヨラリロハヒダドガゴバ", strict=True))
MADE = ("train", "validation", "test")
"""Splits that are made."""


@dataclass(frozen=True)
class Type:
    """An entity type: its name, and the words for its thing and its property in a language."""

    name: str
    thing: str
    property: str


def types(language: str) -> list[Type]:
    """Return all entity types, most frequent first: the same order in all languages."""
    place = LANGUAGES.index(language) + 1
    pairs = [(thing.split(":"), one.split(":")) for one in PROPERTIES.split() for thing in THINGS.split()]
    return [Type(thing[0] + one[0], thing[place], one[place]) for thing, one in pairs]


def read(config: TaskConfig) -> RawDataset:
    """Make the splits; the training split begins with one utterance of each type, so that no other has an unknown one.
    """
    settings = config.long_tail
    language, sizes = settings.language.value, {split: getattr(settings, split) for split in MADE}
    grammar = Grammar(language, types(language)[:settings.tags], settings.exponent, settings.values, settings.second)
    made = {split: grammar.utterances(split, size, config.seed) for split, size in sizes.items() if size}
    return RawDataset({split: list(examples) for split, examples in made.items()})


@dataclass(frozen=True)
class Grammar:
    """Makes utterances of a language.

    Attributes:
        tags: types, most frequent first; `exponent` is that of Zipf's law, for types and for names of a type.
        values: names of a type. `second`: share of utterances with two entities.
    """

    language: str
    tags: list[Type]
    exponent: float
    values: int
    second: float

    def utterances(self, split: str, size: int, seed: int) -> Iterator[EntityExample]:
        """Yield `size` utterances of a split."""
        rng = np.random.default_rng([seed, MADE.index(split)])
        ranks = self._zipf(rng, len(self.tags), (size, 2))
        ranks[:len(self.tags), 0] = np.arange(len(self.tags)) if split == "train" else ranks[:len(self.tags), 0]
        names, forms = self._zipf(rng, self.values, (size, 2)), rng.integers(0, 1 << 16, (size, 2, 2))
        doubled = rng.random(size) < self.second
        for number in range(size):
            text, spans = "", []
            for slot in range(1 + doubled[number]):
                text += LINKS[self.language] if slot else ""
                said, span = self._phrase(self.tags[ranks[number, slot]], names[number, slot], forms[number, slot])
                spans.append(Span(len(text) + span.start, len(text) + span.end, span.type))
                text += said
            yield EntityExample(f"{split}-{number + 1}", text, tuple(spans))

    def _zipf(self, rng: np.random.Generator, count: int, shape: tuple[int, int]) -> np.ndarray:
        weights = np.arange(1, count + 1, dtype=float) ** -self.exponent
        return rng.choice(count, shape, p=weights / weights.sum())

    def _phrase(self, tag: Type, number: int, form: np.ndarray) -> tuple[str, Span]:
        """Text about one entity, and where the entity is in it."""
        pattern = PATTERNS[self.language][form[0] % len(PATTERNS[self.language])]
        verb = VERBS[self.language][form[1] % len(VERBS[self.language])]
        value = name(tag.name, number, self.language)
        before, after = (part.format(thing=tag.thing, property=tag.property, verb=verb)
                         for part in pattern.split("{value}"))
        return before + value + after, Span(len(before), len(before) + len(value), tag.name)


def name(tag: str, number: int, language: str) -> str:
    """Return the name with this number of a type: two to four syllables."""
    digest = hashlib.sha256(f"{tag}/{number}".encode()).digest()
    latin = [list(SYLLABLES)[byte % len(SYLLABLES)] for byte in digest[1:3 + digest[0] % 3]]
    return "".join(SYLLABLES[syllable] for syllable in latin) if language == "ja" else "".join(latin).capitalize()
