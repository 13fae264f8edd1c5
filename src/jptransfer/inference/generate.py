"""Write texts with a causal language model: what `jpt generate` does."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TextIO

import numpy as np

from jptransfer.config import GenerateConfig
from jptransfer.errors import ConfigError, printable, shown
from jptransfer.files import json_text
from jptransfer.inference.predict import STANDARD, check_output, open_output
from jptransfer.inference.readers import Reader, make_reader
from jptransfer.runtime import Runtime
from jptransfer.text.alignment import replace_surrogates
from jptransfer.text.types import Tokenizer
from jptransfer.text.utf8 import INVALID, NEEDED, START, Utf8Units, units_of
from jptransfer.training.randomness import generator

SECONDS = 0.05
"""Between two times that the text made so far is shown: all of it is decoded each time."""
UNFINISHED = "\ufffd"
"""What bytes decode to that are not a whole character."""


@dataclass(frozen=True)
class Language:
    """What generation needs of a tokenizer.

    Attributes:
        backward: whether the model reads from the end of a text, as its tokens are then given here, too.
        context: ids that the model reads first, the prime's included.
        primed: the ids of the prime among them.
        end: id of the token after which a text is complete; None: no such token.
        banned: (vocabulary,) bool, tokens that are not text.
        units: the bytes of tokens; None: tokens are characters.
    """

    tokenizer: Any
    backward: bool
    context: list[int]
    primed: list[int]
    end: int | None
    banned: np.ndarray
    units: Utf8Units | None

    @classmethod
    def of(cls, tokenizer: Any, prime: str, scores: int, backward: bool, stops: bool) -> Language:
        """Find it for a model that scores `scores` tokens.

        Args:
            prime: text to begin with; of a backward model, to end with.
            stops: whether a text ends at the token for it; else that token is text as others are.
        """
        before, after = tokenizer.template.single.special
        framed = getattr(tokenizer, "frame_is_text", False)
        primed = [*tokenizer.encode(prime).ids, *(_outer_space(prime) if framed else [])]
        if backward:
            before, after, primed = after[::-1], before[::-1], primed[::-1]
        end = before[0] if framed else after[0] if after else tokenizer.sep_id
        banned = np.zeros(scores, bool)
        banned[tokenizer.vocab_size:] = True
        if not framed:
            named = [getattr(tokenizer, f"{role}_id") for role in ("pad", "unk", "cls", "sep")]
            more = getattr(tokenizer, "special_ids", None) or {"mask": tokenizer.mask_id}
            special = {*named, *more.values(), *before, *after}
            banned[list(special - {end} if stops else special)] = True
        if banned.sum() >= scores - stops:
            raise ConfigError("the model's vocabulary has no token of text")
        return cls(tokenizer, backward, [*before, *primed] or [tokenizer.cls_id], primed, end if stops else None,
                   banned, units_of(tokenizer))

    def allowed(self, state: int, left: int, first: bool) -> np.ndarray:
        """Return which tokens may follow, (vocabulary,) bool.

        Args:
            state: of UTF-8.
            left: tokens that are left, this one included.
            first: whether there is none before; a sample is not empty.
        """
        found = ~self.banned
        if self.end is not None and first:
            found[self.end] = False
        if self.units is None:
            return found
        # A vocabulary of runs of bytes need not have all bytes, and then not every character can be completed in time.
        for room in (left, NEEDED.max() + 1):
            valid = found & np.resize(self.units.allowed(state, room), len(found))
            if valid.any():
                return valid
        return found

    def text(self, ids: Sequence[int], prime: str) -> str:
        """Return the prime and the text of the tokens `ids` that were made after it."""
        every, known = ([*self.primed, *ids], self.primed)
        if self.backward:
            every, known = every[::-1], known[::-1]
        whole, start = self.tokenizer.decode(every), self.tokenizer.decode(known)
        if self.backward:
            return (whole[:len(whole) - len(start)] if whole.endswith(start) else self.tokenizer.decode(ids[::-1])
                    ) + prime
        return prime + (whole[len(start):] if whole.startswith(start) else self.tokenizer.decode(ids))


def _outer_space(prime: str) -> list[int]:
    """Return the bytes of the white space that ends a prime, which a tokenizer that frames texts leaves out."""
    return list(prime[len(prime.rstrip()):].replace("\n", " ").encode()) if prime.strip() else []


@dataclass
class Sample:
    """A text that is being made.

    Attributes:
        ids: tokens after the prime, without the end.
        stopped: whether the model ended the text.
    """

    ids: list[int] = field(default_factory=list)
    stopped: bool = False


def generate_texts(config: GenerateConfig, folder: Path, runtime: Runtime) -> None:
    """Write `config.n` texts with the language model in `folder`, see `jptransfer.config.generation`.

    Samples are made one after the other, so that sample i is the same for every n. A terminal shows the text while it
    is made.

    Raises:
        ConfigError: prime and length are more than the model reads, or a unit is to be fixed that it does not have.
        DataError: the folder holds no causal language model.
    """
    from jptransfer.models.pairing import check_pair
    from jptransfer.models.pretrained import load_causal_model
    from jptransfer.text.tokenizers import load_tokenizer
    from jptransfer.training.context import TrainingContext

    check_output(config.output)
    model, tokenizer = load_causal_model(folder), load_tokenizer(folder)
    check_pair(model, tokenizer)
    context = TrainingContext(runtime)
    reader = make_reader(model.eval().to(context.device), config.generation.clamp, context.device)
    prime = _prime(config.prime, tokenizer)
    backward = getattr(model.config, "direction", "forward") == "backward"
    language = Language.of(tokenizer, prime, model.get_output_embeddings().weight.shape[0], backward,
                           config.generation.stop_at_end)
    _check_length(config, reader, language)
    to_file = config.output != STANDARD
    with ExitStack() as stack:
        lines = stack.enter_context(open_output(config.output)) if to_file else None
        bar = stack.enter_context(runtime.progress.bar("generating", config.n * config.length))
        shows = not to_file or sys.stdout.isatty()
        scores = reader.read(language.context)
        for number in range(config.n):
            display = Display(sys.stdout, language, prime, number) if shows else None
            sample = Sample()
            for _ in _make(sample, config, language, reader.copy(), scores, number):
                bar.update()
                if display:
                    display.show(sample.ids)
            text = language.text(sample.ids, prime)
            if display:
                display.finish(text)
            if lines:
                lines.write(json_text({"sample": number, "text": text, "tokens": len(sample.ids),
                                       "finish_reason": "stop" if sample.stopped else "length"}) + "\n")


def _prime(given: str, tokenizer: Tokenizer) -> str:
    """Return the prime in valid Unicode; what the model reads differently is said on standard error."""
    prime = replace_surrogates(given)
    if broken := sum(one != other for one, other in zip(given, prime, strict=True)):
        print(f"warning: prime: {broken} bytes that are not UTF-8 were replaced by U+FFFD", file=sys.stderr)
    ids = tokenizer.encode(prime).ids
    if unknown := ids.count(tokenizer.unk_id):
        print(f"warning: prime: {unknown} of {len(ids)} tokens are unknown to the tokenizer", file=sys.stderr)
    read = tokenizer.decode(ids)
    if not unknown and "".join(read.split()) != "".join(prime.split()):
        print(shown(f"prime: the model reads '{read}'"), file=sys.stderr)
    return prime


def _check_length(config: GenerateConfig, reader: Reader, language: Language) -> None:
    used = len(language.context)
    if reader.limit is not None and used + config.length > reader.limit:
        room = reader.limit - used
        raise ConfigError(f"length: {config.length} is more than the model can read: it has {reader.limit} positions, "
                          f"and the prime takes {used}" + (f"; give at most {room}" if room > 0 else ""))


def _make(sample: Sample, config: GenerateConfig, language: Language, reader: Reader, scores: np.ndarray,
          number: int) -> Iterator[int]:
    """Add tokens to `sample` until it is complete; yield each.

    Args:
        reader, scores: the model after the prime, and its scores of the next token.
        number: of the sample, which its random numbers depend on.
    """
    random, state = generator(config.seed, number), START
    for left in range(config.length, 0, -1):
        allowed = language.allowed(state, left, first=not sample.ids)
        index = choose(np.where(allowed, scores, -np.inf), config.temperature, config.top_k, random.random())
        if index == language.end:
            sample.stopped = True
            return
        sample.ids.append(index)
        if language.units:
            after = int(language.units.after[state, index])
            state = START if after == INVALID else after
        yield index
        if left > 1:
            scores = reader.read([index])


def choose(scores: np.ndarray, temperature: float, top_k: int, draw: float) -> int:
    """Return the index of a score, drawn from softmax(scores / temperature) of the `top_k` highest (0: of all).

    Args:
        scores: (vocabulary,); -inf: never chosen.
        temperature: 0: the highest score; of equal ones the first.
        draw: a random number in [0, 1).
    """
    if temperature == 0:
        return int(scores.argmax())
    order = np.argsort(-scores, kind="stable")[:top_k] if top_k else np.arange(len(scores))
    weights = np.exp((scores[order] - scores.max()) / temperature).cumsum()
    return int(order[np.searchsorted(weights, draw * weights[-1], side="right")])


class Display:
    """Shows a sample on a stream while it is made; a character appears when its last byte is there."""

    def __init__(self, stream: TextIO, language: Language, prime: str, number: int) -> None:
        """Begin the sample with the prime; a blank line is before every sample but the first."""
        self.stream, self.language, self.prime, self.done, self.shown = stream, language, prime, "", 0.0
        self._escape: Callable[[str], str] = _for_terminal if stream.isatty() else str
        if number:
            stream.write("\n")

    def show(self, ids: Sequence[int]) -> None:
        """Write what `ids` add to the text shown so far."""
        if not self.language.backward and time.monotonic() - self.shown > SECONDS:
            self.shown = time.monotonic()
            self._add(self.language.text(ids, self.prime).rstrip(UNFINISHED))

    def finish(self, text: str) -> None:
        """Write the rest of the text and end its line."""
        if not self._add(text):
            self.stream.write("\n" + self._escape(text))
        self.stream.write("\n")
        self.stream.flush()

    def _add(self, text: str) -> bool:
        """Write what `text` has after what is shown; return whether it begins with that."""
        if begins := text.startswith(self.done):
            self.stream.write(self._escape(text[len(self.done):]))
            self.stream.flush()
            self.done = text
        return begins


def _for_terminal(text: str) -> str:
    return "\n".join(map(printable, text.split("\n")))
