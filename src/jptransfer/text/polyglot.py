"""Polyglot's word vectors (Al-Rfou et al. 2013): a pickle of words and one array, read without executing anything.

A pickle is a program. Here its steps are taken one by one over plain data, and a call or a class stands for itself:
what numpy writes of an array is recognised afterwards by its form. Any other step or name is refused.
"""

from __future__ import annotations

import math
import pickletools
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, BinaryIO

import numpy as np

from jptransfer.errors import DataError

MOST_BYTES = 1 << 31
"""No file of Polyglot's comes near; larger ones are refused before they fill the memory."""
_MODULES = ("numpy.core.multiarray", "numpy._core.multiarray", "numpy.core.numeric", "numpy._core.numeric")
_NAMES = {f"{module}.{name}" for module in _MODULES for name in ("_reconstruct", "_frombuffer")} | {
    "numpy.ndarray", "numpy.dtype", "_codecs.encode"}
_VALUES = frozenset({
    "BINUNICODE", "SHORT_BINUNICODE", "BINUNICODE8", "UNICODE", "BINSTRING", "SHORT_BINSTRING", "STRING", "BINBYTES",
    "SHORT_BINBYTES", "BINBYTES8", "BYTEARRAY8", "INT", "BININT", "BININT1", "BININT2", "LONG", "LONG1", "LONG4"})
_CONSTANTS: dict[str, Any] = {"NONE": None, "NEWTRUE": True, "NEWFALSE": False, "EMPTY_TUPLE": ()}
_SIZES = {"TUPLE1": 1, "TUPLE2": 2, "TUPLE3": 3}
_OTHER = "a pickle of other things than words and their vectors"
WIDEST = 1 << 20
"""Numbers along an axis of an array without numbers, at most."""
_FORMATS = ("f2", "f4", "f8")


@dataclass
class _Name:
    """A class or function that the pickle names."""

    path: str


@dataclass
class _Call:
    """What calling `function` would give, and the state that it would be given."""

    function: str
    arguments: tuple
    state: Any = None


_MARK = object()
"""Stands on the stack where the items of a tuple or list begin."""


def polyglot_rows(stream: BinaryIO) -> tuple[list[str], np.ndarray]:
    """Return the words and their vectors (words, width), float32, of a pickle ``(words, array)``.

    Raises:
        DataError: a step, a class or a form that such a file does not have, or damage.
    """
    content = stream.read(MOST_BYTES + 1)
    if len(content) > MOST_BYTES:
        raise DataError(f"larger than {MOST_BYTES:,} bytes")
    try:
        loaded = _take_steps(pickletools.genops(content))
    except DataError:
        raise
    except Exception as error:  # whatever pickletools and impossible steps raise
        raise DataError(f"no readable pickle ({' '.join(str(error).split()) or type(error).__name__})") from None
    if not isinstance(loaded, tuple | list) or len(loaded) != 2 or not isinstance(loaded[0], tuple | list):
        raise DataError(_OTHER)
    words, array = [_word(one) for one in loaded[0]], _array(loaded[1])
    if array.ndim != 2 or len(array) != len(words):
        raise DataError(f"{len(words)} words, but an array of vectors with the shape {array.shape}")
    return words, array


def _take_steps(steps: Iterator[tuple[Any, Any, Any]]) -> Any:
    stack: list[Any] = []
    memo: dict[int, Any] = {}
    for code, argument, _ in steps:
        name = code.name
        if name in _VALUES:
            stack.append(argument)
        elif name in _CONSTANTS:
            stack.append(_CONSTANTS[name])
        elif name == "EMPTY_LIST":
            stack.append([])
        elif name == "MARK":
            stack.append(_MARK)
        elif name in _SIZES:
            stack.append(tuple(_pop(stack, _SIZES[name])))
        elif name in ("TUPLE", "LIST"):
            items = _pop_to_mark(stack)
            stack.append(tuple(items) if name == "TUPLE" else items)
        elif name in ("APPEND", "APPENDS"):
            items = _pop(stack, 1) if name == "APPEND" else _pop_to_mark(stack)
            _last(stack, list).extend(items)
        elif name in ("PUT", "BINPUT", "LONG_BINPUT", "MEMOIZE"):
            memo[len(memo) if argument is None else argument] = stack[-1]
        elif name in ("GET", "BINGET", "LONG_BINGET"):
            stack.append(memo[argument])
        elif name in ("GLOBAL", "STACK_GLOBAL"):
            stack.append(_known(argument.replace(" ", ".") if name == "GLOBAL" else ".".join(_pop(stack, 2))))
        elif name == "REDUCE":
            function, arguments = _pop(stack, 2)
            stack.append(_Call(function.path, arguments))
        elif name == "BUILD":
            state = _pop(stack, 1)[0]
            _last(stack, _Call).state = state
        elif name == "STOP":
            return stack.pop()
        elif name not in ("PROTO", "FRAME"):
            raise DataError(f"a pickle with the step {name}, which no file of word vectors has; it was not executed")
    raise DataError("a pickle without an end")


def _pop(stack: list[Any], count: int) -> list[Any]:
    items = stack[-count:]
    if len(items) < count or any(one is _MARK for one in items):
        raise DataError("a damaged pickle")
    del stack[-count:]
    return items


def _pop_to_mark(stack: list[Any]) -> list[Any]:
    for place in range(len(stack) - 1, -1, -1):
        if stack[place] is _MARK:
            items = stack[place + 1:]
            del stack[place:]
            return items
    raise DataError("a damaged pickle")


def _last(stack: list[Any], kind: type) -> Any:
    if not stack or not isinstance(stack[-1], kind):
        raise DataError("a damaged pickle")
    return stack[-1]


def _known(path: str) -> _Name:
    if path not in _NAMES:
        raise DataError(f"a pickle that names {path}, which is no part of word vectors; nothing of it was executed")
    return _Name(path)


def _word(value: Any) -> str:
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    if not isinstance(value, str):
        raise DataError(_OTHER)
    return value


def _array(value: Any) -> np.ndarray:
    """Read an array by what numpy writes of it: `_reconstruct` with a state, or `_frombuffer` (protocol 5)."""
    match value:
        case _Call(function, _, (_, tuple(shape), _Call() as kind, bool(by_columns), data)) if (
                function.endswith("._reconstruct")):
            pass
        case _Call(function, (data, _Call() as kind, tuple(shape), order)) if function.endswith("._frombuffer"):
            by_columns = order == "F"
        case _:
            raise DataError(_OTHER)
    content, form = _content(data), _format(kind)
    if len(content) % form.itemsize:
        raise DataError(f"{len(content):,} bytes for an array of numbers of {form.itemsize}")
    found = np.frombuffer(content, form)
    fits = len(shape) <= 2 and all(type(size) is int and 0 <= size <= max(found.size, WIDEST) for size in shape)
    if not fits or found.size != math.prod(shape):
        raise DataError(f"{found.size:,} numbers for an array of {f'the shape {shape}' if fits else 'another shape'}")
    return found.reshape(shape, order="F" if by_columns else "C").astype(np.float32)


def _format(kind: _Call) -> np.dtype:
    match kind:
        case _Call("numpy.dtype", (str(name), *_), (int(), str(order), *_)) if name in _FORMATS and order in {*"<>=|"}:
            return np.dtype(order + name)
    raise DataError("an array of something else than floating-point numbers")


def _content(data: Any) -> bytes:
    match data:
        case bytes() | bytearray():
            return bytes(data)
        case str():  # of Python 2, whose strings are bytes
            return data.encode("latin-1")
        case _Call("_codecs.encode", (str(text), "latin1" | "latin-1")):  # protocol 2 has no bytes
            return text.encode("latin-1")
    raise DataError(_OTHER)
