"""Special tokens of transformers' tokenizers: their ids, what stands in for a missing one, and those around a text."""

from __future__ import annotations

from typing import Any

from jptransfer.errors import ConfigError
from jptransfer.text.types import Frame, Template

# Decoders have no [CLS], T5 no first token, GPT-2 and Llama no padding: the first role of a row that exists is used.
_STAND_INS = {
    "cls": ("cls", "bos", "sep", "eos", "pad"),
    "sep": ("sep", "eos", "cls", "bos", "pad"),
    "pad": ("pad", "eos", "unk", "bos"),
    "unk": ("unk", "pad", "eos", "bos"),
}
_PROBES = ("a", "の", "1")


def own_special_ids(tokenizer: Any) -> dict[str, int]:
    """Return role -> id of the special tokens that the tokenizer itself has: pad, unk, cls, sep, mask, bos, eos."""
    found = {role: getattr(tokenizer, f"{role}_token_id", None)
             for role in ("pad", "unk", "cls", "sep", "mask", "bos", "eos")}
    return {role: index for role, index in found.items() if index is not None}


def special_id(tokenizer: Any, role: str) -> int:
    """Return the id of the special token for `role` (pad, unk, cls or sep), or of the one that stands in for it.

    Raises:
        ConfigError: there is neither.
    """
    own = own_special_ids(tokenizer)
    for name in _STAND_INS[role]:
        if name in own:
            return own[name]
    raise ConfigError(f"the tokenizer {tokenizer.name_or_path} has no {role} token and no other special token to "
                      f"use for it; set {role}_token in its tokenizer_config.json")


def usable_units(tokenizer: Any) -> int:
    """Return the number of ids up to the last one that a text or a role can have.

    Some classes append special tokens of their own to every vocabulary (LUKE's entities, T5's sentinels). The
    embedding of the model may have no rows for them, and no text contains them.
    """
    units = len(tokenizer)
    unused = set(tokenizer.all_special_ids) - set(own_special_ids(tokenizer).values())
    while units - 1 in unused:
        units -= 1
    return units


def template_of(tokenizer: Any) -> Template:
    """Return the special tokens that the tokenizer itself puts around a single text and around a pair.

    Raises:
        ConfigError: it changes the texts' own tokens when it adds special ones.
    """
    single, pair = (_frame(tokenizer, count) for count in (1, 2))
    return Template(single, pair, special_id(tokenizer, "sep"), odd_to_first=not tokenizer.is_fast)


def _frame(tokenizer: Any, count: int) -> Frame:
    """Return what stands around `count` texts, found in the input for as many probes."""
    for probe in _PROBES:
        inner = tokenizer(probe, add_special_tokens=False, verbose=False)["input_ids"]
        if not inner:
            continue
        found = tokenizer(*[probe] * count, verbose=False)
        whole = found["input_ids"]
        types = found.get("token_type_ids") or [0] * len(whole)
        starts = [start for start in range(len(whole)) if whole[start:start + len(inner)] == inner]
        if len(starts) != count:
            raise ConfigError(f"the tokenizer {tokenizer.name_or_path} cuts '{probe}' differently with special tokens; "
                              "jpt cannot tell which tokens it puts around a text")
        borders = [0, *(border for start in starts for border in (start, start + len(inner))), len(whole)]
        groups = list(zip(borders[::2], borders[1::2], strict=True))
        return Frame(tuple(tuple(whole[first:last]) for first, last in groups),
                     tuple(tuple(types[first:last]) for first, last in groups),
                     tuple(types[start] for start in starts))
    raise ConfigError(f"the tokenizer {tokenizer.name_or_path} finds no token in {', '.join(_PROBES)}")
