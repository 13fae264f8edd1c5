"""JSON lines and JSON arrays, read entry by entry."""

import json
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jptransfer.corpora import error_policy
from jptransfer.corpora.error_policy import json_lines
from jptransfer.errors import DataError

VALUES = st.recursive(st.none() | st.booleans() | st.integers() | st.text(), lambda inner: st.lists(inner, max_size=3)
                      | st.dictionaries(st.text(), inner, max_size=3), max_leaves=8)


def read(text: str) -> list[tuple[int, str]]:
    return list(json_lines(iter(list(enumerate(text.split("\n"), 1))), "some.json"))


@given(entries=st.lists(VALUES, max_size=5), indent=st.sampled_from([None, 0, 2]), ascii_only=st.booleans())
def test_entries_of_an_array_are_those_that_json_reads(entries, indent, ascii_only):
    found = read(json.dumps(entries, indent=indent, ensure_ascii=ascii_only) + "\n")
    assert [number for number, text in found if text] == list(range(1, len(entries) + 1))
    assert [json.loads(text) for _, text in found if text] == entries


@pytest.mark.parametrize(("text", "texts"), [
    ("[]", []), ("[ ]\n", [""]), ('[{"a": 1}, {"b":\n "]"}]', ['{"a": 1}', '{"b":\n "]"}']),
    ('[{"a": 1},, {"b": 2}]', ['{"a": 1}', ",", '{"b": 2}']), ('[{"a": 1},]', ['{"a": 1}', "]"]),
    ('[{"a": 1}] x\n{"b": 2}', ['{"a": 1}', " x", '{"b": 2}']), ('[{"a": 1},\n{"b": ', ['{"a": 1}', '{"b":']),
    ('[{"a": 1},\n', ['{"a": 1}', "["]),
    ('["a\\"]", "b"]', ['"a\\"]"', '"b"']), ('{"a": 1}\n[2]', ['{"a": 1}', "[2]"])])
def test_what_is_no_entry_is_seen(text, texts):
    assert [found for _, found in read(text)] == texts


def test_an_array_of_any_length_takes_the_memory_of_an_entry():
    count = 20_000
    lines = iter([(1, "["), *((number, '{"text": "' + "あ" * 200 + '"},') for number in range(2, count)), (count, "]")])
    tracemalloc.start()
    assert sum(1 for _ in json_lines(lines, "some.json")) == count - 1  # the comma after the last one is seen
    assert tracemalloc.get_traced_memory()[1] < 1 << 20
    tracemalloc.stop()


def test_an_entry_that_does_not_end_is_one_line(monkeypatch):
    monkeypatch.setattr(error_policy, "LONGEST_LINE", 1 << 20)
    lines = ((number, '"あ') if number == 2 else (number, "[" + "い" * 99) for number in range(1, 20_000))
    with pytest.raises(DataError, match=r"some.json: entry 1 of the array has more than 1 MiB"):
        list(json_lines(lines, "some.json"))
