"""One override as its user typed it -> the override that Hydra reads as it was meant.

Hydra takes words beyond ASCII quoted only, reads ``1.50``, ``true`` and ``null`` as numbers and truth values, and names
of entries as it reads values. Here the schema says what a word is: where a setting holds text, what was typed is the
value.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import is_dataclass
from typing import Any, get_origin

from hydra.core.override_parser.overrides_parser import OverridesParser

from jptransfer.config.hints import hint_at, is_optional, is_text, item_hint
from jptransfer.config.spelling import MISSING, name_written, readable, written

ASSIGNMENT = re.compile(r"^(\+\+|[+~])?[^=\s]+=|^~")
OPERATOR = re.compile(r"\+\+|[+~]|")
BEYOND = re.compile(r"[^\x00-\x7f]|=")
"""What Hydra takes quoted only."""
VERBATIM = re.compile(r"(?!(?i:true|false|null|[-+]?inf|[-+]?nan)$)[\w/\-.+$%*@?|:]*", re.ASCII)
"""A word that Hydra reads as it is written, unless it is a number."""
NUMBER = re.compile(r"[-+]?(\d[\d_]*\.?[\d_]*|\.\d[\d_]*)([eE][-+]?\d[\d_]*)?")
CALL = re.compile(r"(choice|shuffle|sort|tag|range|interval|glob|extend_list|bool|float|int|json_str|str) ?\(")
"""What begins a function of Hydra's."""
CHOOSING = ("choice", "shuffle")
"""Functions whose arguments are values of the setting."""
CLOSES = {"[": "]", "{": "}", "(": ")"}


def is_assignment(word: str) -> bool:
    """Whether a word of a command line sets or deletes a setting, and is not a value given by position."""
    return bool(ASSIGNMENT.match(word))


def hydra_override(override: str, schema: type) -> str:
    """Return one override of a user as Hydra reads it: ``key=value``, with ``+``, ``++`` or ``~`` before it."""
    operator = OPERATOR.match(override)[0]  # type: ignore[index]
    key, sign, value = override[len(operator):].partition("=")
    hint = hint_at(key.split("."), schema)
    if sign and hint is not None and not (is_dataclass(hint) and not value.startswith("{")):
        value = _Reader(value).sweep(hint)
    elif sign:
        value = _Reader(value).sweep(None)
    return operator + key_written(key, schema) + sign + value


def key_written(key: str, schema: Any) -> str:
    """Return the dotted path of a setting with the names of tables' entries as `name_written` has them."""
    found, hint, words = [], schema, key.split(".")
    while words:
        item = item_hint(hint) if get_origin(hint) is dict else None
        if item is None:
            found.append(words.pop(0))
            hint = hint_at([found[-1]], hint)
            continue
        has_inside = is_dataclass(item) or get_origin(item) is dict  # else dots belong to the name
        found.append(name_written(words.pop(0) if has_inside else ".".join(words)))
        hint, words = item, words if has_inside else []
    return ".".join(found)


def quote(value: str) -> str:
    """Quote `value` so that Hydra takes it as one literal string."""
    escaped = re.sub(r"(\\*)'", r"\1\1\\'", value)
    trailing = len(escaped) - len(escaped.rstrip("\\"))
    return f"'{escaped}{trailing * chr(92)}'"


def unquoted(value: str) -> str:
    """Return the text that a value in quotes stands for; any other value as it is."""
    if len(value) < 2 or value[0] not in "'\"" or value[-1] != value[0]:
        return value
    inner = re.sub(rf"(\\+){value[0]}", lambda found: found[0][1::2], value[1:])
    return inner[:-1] if inner.endswith(value[0]) else inner


def as_typed(override: str) -> str:
    """Return an override of Hydra's as a table of jobs shows it: texts themselves, a value without its quotes."""
    key, sign, value = override.partition("=")
    return readable(key + sign + unquoted(value))


class _Reader:
    """Reads a value from left to right and returns it as Hydra takes it; what it cannot read stays as it is."""

    def __init__(self, text: str) -> None:
        self.text, self.at = text, 0

    def sweep(self, hint: Any) -> str:
        """Return the whole value: one, or several with commas between them."""
        if not self.text.strip():
            return quote(self.text) if self.text and is_text(hint) else self.text
        try:
            return self._without_choice(hint) or self._several(hint, "")
        except IndexError:  # a bracket or quote without its end: Hydra says so
            return self.text

    def _without_choice(self, hint: Any) -> str:
        """Return the values of ``choice(a,b)`` as ``a,b``, the same: Hydra takes quotes off in functions."""
        call = CALL.match(self.text)
        if call and call[1] == "choice":
            self.at = call.end()
            values = self._several(hint, ")")
            if not self.text[self.at:].strip() and OverridesParser.create().parse_override(
                    f"key={values}").is_sweep_override():
                return values
        self.at = 0
        return ""

    def _several(self, hint: Any, closing: str, entry: Callable[[Any, str], str] | None = None) -> str:
        """Return elements up to `closing`, commas between them."""
        found = []
        while True:
            found.append((entry or self._element)(hint, f",{closing}"))
            if self.at >= len(self.text):
                if closing:
                    raise IndexError
                return ",".join(found)
            self.at += 1
            if self.text[self.at - 1] == closing:
                return ",".join(found)

    def _element(self, hint: Any, ends: str) -> str:
        self._blanks()
        if self.at >= len(self.text):
            return ""
        sign, begin = self.text[self.at], self.at
        if sign in "'\"":
            self._quoted()
            self._blanks()
            whole = self.text[begin:self.at].rstrip()
            if self.at >= len(self.text) or self.text[self.at] in ends:
                return quote(written(MISSING)) if is_text(hint) and unquoted(whole) == MISSING else whole
            self.at = begin
        elif sign in "[{":
            self.at += 1
            within = f"{{{self._several(hint, '}', self._entry)}}}" if sign == "{" else "[" + self._several(
                item_hint(hint) if get_origin(hint) is list else None, "]") + "]"
            self._blanks()
            return within
        elif call := CALL.match(self.text, self.at):
            return self._call(hint, call)
        begin, word = self.at, self._plain(ends)
        return _word(hint, word, self.text[begin:self.at].strip(" \t"))

    def _entry(self, hint: Any, ends: str) -> str:
        self._blanks()
        if self.text[self.at] in ends:
            return ""
        if self.text[self.at] in "'\"":
            begin = self.at
            self._quoted()
            name = unquoted(self.text[begin:self.at])
            self._blanks()
        else:
            name = self._plain(f":{ends}")
        if self.text[self.at] != ":":
            raise IndexError
        self.at += 1
        inner = item_hint(hint) if get_origin(hint) is dict else hint_at([name], hint)
        return f"{name_written(name) if get_origin(hint) is dict else name}:{self._element(inner, ends)}"

    def _call(self, hint: Any, call: re.Match[str]) -> str:
        self.at = call.end()
        if call[1] in CHOOSING:
            return f"{call[1]}({self._several(hint, ')')})"
        self._beyond_closing(")")
        return self.text[call.start():self.at]

    def _plain(self, ends: str) -> str:
        """Return the word up to one of the signs `ends`; brackets in it hold what they hold."""
        begin, word = self.at, []
        while self.at < len(self.text) and self.text[self.at] not in ends:
            sign = self.text[self.at]
            self.at += 1
            if sign == "\\" and self.at < len(self.text) and self.text[self.at] in "\\()[]{}:=, \t":
                word.append(self.text[self.at])
                self.at += 1
                continue
            start = self.at - 1
            if sign in CLOSES and start > begin:
                try:
                    self._beyond_closing(CLOSES[sign])
                except IndexError:
                    self.at = start + 1
            word.append(self.text[start:self.at])
        return "".join(word).strip(" \t")

    def _beyond_closing(self, closing: str) -> None:
        while self.text[self.at] != closing:
            if self.text[self.at] in "'\"":
                self._quoted()
                continue
            self.at += 1
            if self.text[self.at - 1] in CLOSES:
                self._beyond_closing(CLOSES[self.text[self.at - 1]])
        self.at += 1

    def _quoted(self) -> None:
        mark = self.text[self.at]
        self.at += 1
        while self.text[self.at] != mark:
            self.at += 2 if self.text[self.at] == "\\" and self.text[self.at + 1] in (mark, "\\") else 1
        self.at += 1

    def _blanks(self) -> None:
        while self.at < len(self.text) and self.text[self.at] in " \t":
            self.at += 1


def _word(hint: Any, word: str, typed: str) -> str:
    """Return a word without quotes as Hydra takes it; `typed` is the word with the backslashes it was typed with."""
    if is_text(hint) and not (is_optional(hint) and word.lower() == "null"):
        if word == MISSING:
            return quote(written(word))
        return word if VERBATIM.fullmatch(word) and not NUMBER.fullmatch(word) else quote(word)
    return quote(word) if BEYOND.search(word) else typed
