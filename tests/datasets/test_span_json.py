import gzip
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jptransfer.config import OnError, TaskConfig
from jptransfer.datasets.span_json import disjoint, read
from jptransfer.datasets.span_json_settings import SpanJsonConfig
from jptransfer.errors import DataError
from jptransfer.tasks.spans import Span


def record(page, text, *entities):
    return {"curid": page, "text": text, "entities": [
        {"name": text[start:end], "span": [start, end], "type": kind} for start, end, kind in entities]}


def load(tmp_path, records, **settings):
    path = tmp_path / "ner.json"
    path.write_text(records if isinstance(records, str) else json.dumps(records), encoding="utf-8")
    fields = SpanJsonConfig(span="span", name="name", group="curid")
    return read(TaskConfig(dataset="span_json", files={"all": str(path)}, span_json=fields, **settings))


def test_records(tmp_path):
    data = load(tmp_path, [record("7", "太郎は京都へ。", (3, 5, "地名"), (0, 2, "人名")), record("8", "雨。"),
                           record("7", "晴。")])
    first, second, third = data.splits["all"]
    assert first.entities == ((0, 2, "人名"), (3, 5, "地名"))
    assert [e.id for e in (first, second, third)] == ["7-1", "8-1", "7-2"]
    assert data.groups == {"7-1": "7", "8-1": "8", "7-2": "7"}
    assert first.tokens is None


def test_nested_entities_leave_the_longest(tmp_path):
    data = load(tmp_path, [record("1", "京都大学へ行く", (0, 2, "地名"), (0, 4, "組織名"))])
    assert data.splits["all"][0].entities == ((0, 4, "組織名"),)
    assert data.counts["overlapping entities"] == 1


def test_spans_as_lists_of_start_end_and_type(tmp_path):
    lines = ('{"id": 7, "text": "太郎は京都へ", "label": [[3, 5, "LOC"], [0, 2, "PER"]]}\n'
             '{"id": 8, "text": "雨", "label": []}\n')
    path = tmp_path / "out.jsonl"
    path.write_text(lines, encoding="utf-8")
    fields = SpanJsonConfig(entities="label", id="id")
    config = TaskConfig(dataset="span_json", files={"all": str(path)}, span_json=fields)
    first, second = read(config).splits["all"]
    assert (first.id, first.entities, second.entities) == ("7", ((0, 2, "PER"), (3, 5, "LOC")), ())
    path.write_text(lines.replace('[0, 2, "PER"]', "[0, 2]"), encoding="utf-8")
    with pytest.raises(DataError, match="out.jsonl:1"):
        read(config)


@pytest.mark.parametrize("entity", [
    {"name": "京", "span": [0, 9], "type": "地名"}, {"name": "都", "span": [0, 1], "type": "地名"},
    {"name": "", "span": [1, 1], "type": "地名"}, {"name": "京"}])
def test_spans_that_cannot_be(tmp_path, entity):
    records = [record("1", "雨。"), {"curid": "2", "text": "京都", "entities": [entity]}]
    with pytest.raises(DataError, match="record 1"):
        load(tmp_path, records)
    data = load(tmp_path, records, on_error=OnError.skip)
    assert (len(data.splits["all"]), data.counts["malformed"]) == (1, 1)


@pytest.mark.parametrize("content, message", [
    ('[1]', "record 0: not a JSON object"), ('[{"text": "x"}]', "unknown field 'entities'"),
    ('[{"curid": "1"', "not a JSON list"),
    ('{"a": 1}', "unknown field 'text'"), ('{"a', "not JSON")])
def test_another_file(tmp_path, content, message):
    with pytest.raises(DataError, match=message):
        load(tmp_path, content)


def packed(path, records):
    content = gzip.compress("".join(json.dumps(one) + "\n" for one in records).encode() * 50)
    path.write_bytes(content[:-len(content) // 3])


@pytest.mark.parametrize("spoil", [packed, lambda path, _: path.write_bytes(b"[no gzip"), lambda path, _: path.mkdir()])
def test_damaged_files_and_folders_are_one_line_or_skipped(tmp_path, spoil):
    path = tmp_path / "a.jsonl.gz"
    spoil(path, [record("1", "雨。")])
    config = TaskConfig(dataset="span_json", files={"all": str(path)}, span_json=SpanJsonConfig(span="span"))
    with pytest.raises(DataError, match=r"a\.jsonl\.gz: damaged, truncated or unreadable"):
        read(config)
    config.on_error = OnError.skip
    assert read(config).counts["unreadable"] == 1


@pytest.mark.parametrize(("entities", "said"), [
    (7, "'entities' is not a list of entities"), (["x"], "'entities' is not a list of entities"),
    ([{"start": 0, "end": 1, "label": "x"}], r"unknown field 'type'; there are: end, label, start .*task.span_json"),
    ([{"begin": 0, "end": 1, "type": "x"}], r"unknown field 'start'.*task.span_json"),
])
def test_entities_of_another_form_are_told_with_the_settings(tmp_path, entities, said):
    path = tmp_path / "a.jsonl"
    path.write_text(json.dumps({"text": "京都", "entities": entities}), encoding="utf-8")
    with pytest.raises(DataError, match=rf"a\.jsonl:1: {said}"):
        read(TaskConfig(dataset="span_json", files={"all": str(path)}))


@pytest.mark.parametrize("wrong", [
    {"id": None}, {"id": True}, {"id": []}, {"id": "\ud83d"}, {"id": " "}, {"group": "\ud83d"}, {"group": {}},
    {"entities": [[0, 1, None]]}, {"entities": [[0, 1, ""]]}, {"entities": [[0, 1, ["x"]]]}, {"entities": [[0, 1]]},
    {"entities": [[0, 1, "\ude00"]]}, {"entities": [{"span": None, "type": "x"}]},
    {"entities": [{"span": [0], "type": "x"}]},
])
def test_what_names_nothing_is_malformed(tmp_path, wrong):
    good = {"id": "a", "text": "京都", "entities": [], "group": "g"}
    path = tmp_path / "a.jsonl"
    path.write_text("".join(json.dumps(one) + "\n" for one in (good, good | {"id": "b"} | wrong)), encoding="utf-8")
    config = TaskConfig(dataset="span_json", files={"all": str(path)}, span_json=SpanJsonConfig(
        id="id", group="group", span="span"))
    with pytest.raises(DataError, match=r"a\.jsonl:2: .*(names nothing|surrogate|is not)"):
        read(config)
    config.on_error = OnError.skip
    assert [one.id for one in read(config).splits["all"]] == ["a"]


def test_a_record_that_lacks_an_id_is_malformed_and_one_without_group_stands_alone(tmp_path):
    path = tmp_path / "a.json"
    records = [{"id": 1, "text": "雨", "entities": [], "group": None},
               {"id": 2, "text": "雪", "entities": [], "group": 7}, {"id": 3, "text": "霧", "entities": []}]
    path.write_text("\ufeff" + json.dumps(records), encoding="utf-8")
    config = TaskConfig(dataset="span_json", files={"all": str(path)}, span_json=SpanJsonConfig(id="id", group="group"))
    assert read(config).groups == {"2": "7"}
    del records[1]["id"]
    path.write_text(json.dumps(records), encoding="utf-8")
    with pytest.raises(DataError, match="record 1: unknown field 'id'"):
        read(config)


def test_lists_without_end_are_no_traceback(tmp_path):
    with pytest.raises(DataError, match="not a JSON list .nested too deeply"):
        load(tmp_path, "[" * 100_000)


def test_lines_with_fields_of_other_names(tmp_path):
    path = tmp_path / "a.jsonl"
    path.write_text('{"id": 7, "body": "𠮷野と京都", "labels": [{"b": 3, "e": 5, "t": "LOC"}]}\n\n', encoding="utf-8")
    fields = SpanJsonConfig(id="id", entities="labels", start="b", end="e", type="t")
    data = read(TaskConfig(dataset="span_json", files={"train": str(path)}, text_column="body", span_json=fields))
    (example,) = data.splits["train"]
    assert (example.id, example.text[3:5], example.entities) == ("7", "京都", (Span(3, 5, "LOC"),))


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(1, 4)).map(lambda p: Span(p[0], sum(p), "x"))))
def test_disjoint_spans_are_maximal(spans):
    kept = disjoint(spans)
    assert all(a.end <= b.start for a, b in zip(kept, kept[1:], strict=False))
    assert all(any(s.start < k.end and k.start < s.end for k in kept) for s in spans)
