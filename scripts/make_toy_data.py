#!/usr/bin/env python
"""Write the toy data: an encyclopaedia, hotel reviews, polarity labels and named entities, from grammars.

The sentences are generated from `toy_grammar.yaml`, English ones from `toy_grammar_english.yaml`, so the data is free
of other people's text. The same grammars and seed give the same bytes (Japanese NER tokens are those of MeCab with
unidic-lite).
"""

from __future__ import annotations

import argparse
import random
import re
from collections.abc import Callable, Iterator
from itertools import accumulate, pairwise
from pathlib import Path

import yaml

SLOT = re.compile(r"\{(\w+)(!?)\}")
ENTITY = re.compile(r"<([A-Z]+):(.+?)>")
ENGLISH = re.compile(r"\w+|\s+|[^\w\s]")
OPPOSITE = {"positive": "negative", "negative": "positive"}


class Grammar:
    """Expansion of slots; `Grammar.document` forgets what `{slot!}` stands for."""

    def __init__(self, path: Path, seed: int) -> None:
        tables = yaml.safe_load(path.read_text(encoding="utf-8"))
        self.slots, self.documents = tables["slots"], tables["documents"]
        self.noise, self.aspects, self.polarity = (tables.get(name, {}) for name in ("noise", "aspects", "polarity"))
        self.random = random.Random(seed)
        self.bound: dict[str, str] = {}

    def expand(self, template: str) -> str:
        """Replace every slot of `template`, recursively."""
        return SLOT.sub(lambda match: self._slot(*match.groups()), template)

    def _slot(self, name: str, bound: str) -> str:
        if not bound:
            return self._value(name)
        if name not in self.bound:
            self.bound[name] = self._value(name)
        return self.bound[name]

    def _value(self, name: str) -> str:
        if name.startswith("review_"):
            return self.review(name.removeprefix("review_"), rare=1.0)
        if name == "aspect_noun":
            return self.random.choice(self.random.choice(list(self.aspects.values()))["nouns"])
        return self.expand(str(self.random.choice(self.slots[name])))

    def document(self) -> list[str]:
        """Sentences about one subject, entity marks included."""
        self.bound = {}
        first, *rest = self.documents[self.random.choice(list(self.documents))]
        chosen = self.random.sample(rest, self.random.randint(4, min(10, len(rest))))
        return [self.expand(template) for template in (first, *sorted(chosen, key=rest.index))]

    def _opinion(self, label: str, rare: float) -> tuple[str, str, str]:
        """Return noun, stem and kind (i, na) of an opinion; `rare` is the weight of the rarer words."""
        aspect = self.random.choice(list(self.aspects.values()))
        words = [(stem, kind, 1.0 if rank < 4 else rare)
                 for kind, stems in aspect[label].items() for rank, stem in enumerate(stems)]
        stem, kind, _ = self.random.choices(words, weights=[weight for *_, weight in words])[0]
        return self.random.choice(aspect["nouns"]), stem, kind

    def clause(self, label: str, rare: float, joined: str = "") -> str:
        """A clause that says `label`, one in five by negating the opposite; `joined` ties it to the next."""
        negated = self.random.random() < 0.2
        noun, stem, kind = self._opinion(OPPOSITE[label] if negated else label, rare)
        particle = self.random.choice("はがも") if not joined else self.random.choice("はが")
        if negated:
            ending = self.random.choice(self.polarity[f"negator_{kind}"])
        elif joined == "て":
            return f"{noun}{particle}{self._intensifier()}{stem}{'くて' if kind == 'i' else 'で'}"
        else:
            ending = self.random.choice(["かった", "かったです"] if kind == "i" else ["だった", "でした"])
        joint = "し" if joined == "て" else joined
        return f"{noun}{particle}{'' if negated else self._intensifier()}{stem}{ending}{joint}"

    def _intensifier(self) -> str:
        return self.random.choice(self.polarity["intensifier"])

    def review(self, label: str, rare: float) -> str:
        """One review sentence (with an opening or a closing now and then) of the given polarity."""
        kind = self.random.random()
        if label == "neutral":
            if kind < 0.25:
                return self._balanced(rare)
            facts = self.random.sample(self.polarity["neutral"], 2 if kind < 0.5 else 1)
            return "".join(self.expand(fact) for fact in facts)
        if kind < 0.3:
            body = f"{self.clause(OPPOSITE[label], rare, 'が')}、{self.clause(label, rare)}。"
        elif kind < 0.6:
            body = f"{self.clause(label, rare, 'て')}、{self.clause(label, rare)}。"
        else:
            body = f"{self.clause(label, rare)}。"
        return self._frame(body, label)

    def _balanced(self, rare: float) -> str:
        first, second = self.random.sample(["positive", "negative"], 2)
        return f"{self.clause(first, rare)}。一方で{self.clause(second, rare)}。一長一短です。"

    def _frame(self, body: str, label: str) -> str:
        kind = self.random.random()
        if kind < 0.2:
            body = self.expand(self.random.choice(self.polarity["opening"])) + body
        elif kind < 0.4:
            body += self.random.choice(self.polarity[f"closing_{label}"])
        return body


def plain(text: str) -> str:
    """Remove entity marks."""
    return ENTITY.sub(r"\2", text)


def corpus(grammar: Grammar, documents: int) -> Iterator[list[str]]:
    """Encyclopaedia-like documents: about 3 % exact duplicates, 4 % near duplicates, 2 % noisy lines."""
    seen: list[list[str]] = []
    for _ in range(documents):
        kind = grammar.random.random()
        if seen and kind < 0.03:
            yield grammar.random.choice(seen)
            continue
        if seen and kind < 0.07:
            yield [*grammar.random.choice(seen)[:-1], plain(grammar.expand("{date}に内容が改められた。"))]
            continue
        sentences = [plain(sentence) for sentence in grammar.document()]
        if grammar.random.random() < 0.15:
            place = grammar.random.randrange(1, len(sentences))
            sentences.insert(place, plain(grammar.expand(grammar.random.choice(grammar.noise))))
        seen.append(sentences)
        yield sentences


def domain(grammar: Grammar, reviews: int) -> Iterator[list[str]]:
    """Unlabelled reviews of one to three sentences; a review keeps to one opinion."""
    for _ in range(reviews):
        label = grammar.random.choice(["positive", "negative", "positive", "negative", "neutral"])
        yield [plain(grammar.review(label, rare=1.0)) for _ in range(grammar.random.randint(1, 3))]


def polarity(grammar: Grammar, sizes: dict[str, int], noise: float) -> Iterator[tuple[str, str, str, str]]:
    """Distinct rows id, text, label, split; `noise` of the labels is wrong; training has few rare words."""
    labels, seen = ["negative", "neutral", "positive"], set()
    for split, size in sizes.items():
        made = 0
        while made < size:
            label = grammar.random.choice(labels)
            text = plain(grammar.review(label, rare=0.1 if split == "train" else 1.0))
            if text in seen:
                continue
            seen.add(text)
            made += 1
            if grammar.random.random() < noise:
                label = grammar.random.choice([other for other in labels if other != label])
            yield f"{split}-{made:04d}", text, label, split


def entities(grammar: Grammar, size: int, seen: set[str],
             words: Callable[[str], list[str]]) -> Iterator[list[tuple[str, str]]]:
    """Sentences of (token, IOB2 tag) that are not in `seen`; one in eight has no entity.

    Args:
        words: cuts a text into words, white space between them included.
    """
    made = 0
    while made < size:
        sentence = grammar.random.choice(grammar.document())
        if sentence in seen or (not ENTITY.search(sentence) and grammar.random.random() < 0.6):
            continue
        seen.add(sentence)
        made += 1
        yield [row for row in tag(sentence, words(plain(sentence))) if not row[0].isspace()]


def japanese_words() -> Callable[[str], list[str]]:
    """Return what cuts Japanese into MeCab's words."""
    import fugashi

    tagger = fugashi.Tagger("-Owakati")
    return lambda text: tagger.parse(text).split()


def tag(marked: str, words: list[str]) -> list[tuple[str, str]]:
    """Give words the tags of the marks; a word that crosses the border of an entity is cut there."""
    text, types, borders = "", {}, set(accumulate(map(len, words), initial=0))
    end = 0
    for match in ENTITY.finditer(marked):
        text += marked[end:match.start()]
        start, end = len(text), match.end()
        text += match[2]
        borders |= {start, len(text)}
        types |= {place: f"{'B' if place == start else 'I'}-{match[1]}" for place in range(start, len(text))}
    text += marked[end:]
    return [(text[start:stop], types.get(start, "O")) for start, stop in pairwise(sorted(borders))]


def write_documents(path: Path, documents: Iterator[list[str]]) -> None:
    """Write one sentence a line, a blank line after each document."""
    path.write_text("".join("\n".join(sentences) + "\n\n" for sentences in documents), encoding="utf-8")


def write_entities(out: Path, name: str, grammar: Grammar, sizes: dict[str, int],
                   words: Callable[[str], list[str]]) -> None:
    """Write ``<name>.<split>.conll``: a token a line with its tag, a blank line between sentences."""
    seen: set[str] = set()
    for split, size in sizes.items():
        blocks = ("".join(f"{token}\t{label}\n" for token, label in rows)
                  for rows in entities(grammar, size, seen, words))
        (out / f"{name}.{split}.conll").write_text("\n".join(blocks), encoding="utf-8")


def main() -> None:
    """Write all files to `--out`."""
    here = Path(__file__).resolve().parent
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--out", type=Path, default=here.parent / "data" / "toy", help="folder to fill")
    parser.add_argument("--seed", type=int, default=20, help="seed of all choices")
    arguments = parser.parse_args()
    out: Path = arguments.out
    out.mkdir(parents=True, exist_ok=True)
    grammar = Grammar(here / "toy_grammar.yaml", arguments.seed)
    write_documents(out / "corpus.txt", corpus(grammar, 860))
    write_documents(out / "domain.txt", domain(grammar, 950))
    rows = polarity(grammar, {"train": 900, "validation": 250, "test": 350}, noise=0.04)
    lines = ["\t".join(row) for row in [("id", "text", "label", "split"), *rows]]
    (out / "polarity.tsv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    write_entities(out, "ner", grammar, {"train": 360, "validation": 100, "test": 160}, japanese_words())
    english = Grammar(here / "toy_grammar_english.yaml", arguments.seed)
    write_entities(out, "ner_english", english, {"train": 320, "validation": 60, "test": 100}, ENGLISH.findall)


if __name__ == "__main__":
    main()
