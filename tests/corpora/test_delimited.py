"""A stray quote costs its own line, whatever stands around it."""

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jptransfer.config import OnError, Quotes, SourceConfig, TaskConfig
from jptransfer.corpora.delimited import MOST_LINES, delimited_rows
from jptransfer.corpora.error_policy import ErrorPolicy
from jptransfer.corpora.readers import read_csv, read_tsv
from jptransfer.datasets.text_file import read
from jptransfer.errors import DataError

ROWS = [f"文{number},{'よい' if number % 2 else 'わるい'}" for number in range(120)]


def rows(text, quotes="auto", on_error=OnError.skip, separator=","):
    policy = ErrorPolicy(on_error)
    numbered = enumerate(text.split("\n")[:-1] if text.endswith("\n") else text.split("\n"), 1)
    return list(delimited_rows(numbered, "a.csv", separator, quotes, policy)), policy


def with_quotes(*places, at=0):
    lines = list(ROWS)
    for place in places:
        text, label = lines[place].split(",")
        lines[place] = f'"{text},{label}' if at == 0 else f'{text}",{label}'
    return "\n".join(lines) + "\n"


def test_one_stray_quote_loses_its_line_alone_and_is_named():
    found, policy = rows(with_quotes(50))
    assert len(found) == 119 and policy.skipped == {"malformed": 1}
    assert policy.examples["malformed"].startswith("a.csv:51: a quote opens here and is not closed")
    assert [row.line for row in found] == [number for number in range(1, 121) if number != 51]
    with pytest.raises(DataError, match=r"a\.csv:51: a quote opens here .*quotes=no"):
        rows(with_quotes(50), on_error=OnError.stop)


def test_two_stray_quotes_do_not_merge_the_rows_between():
    """The second closes the cell that the first opened: 41 rows in one text."""
    text = with_quotes(20)
    lines = text.split("\n")
    lines[60] = lines[60].replace(",", '",')
    found, policy = rows("\n".join(lines))
    assert len(found) == 119 and policy.skipped == {"malformed": 1}
    assert "closes in line 61, and 41 of these 41 lines look like rows" in policy.examples["malformed"]
    assert found[59].cells == ['文60"', "わるい"]
    merged, policy = rows("\n".join(lines), quotes="yes")
    assert len(merged) == 80 and not policy.skipped  # who says so gets one cell


@pytest.mark.parametrize("other", ["文,一,よい", "", "文"])
@pytest.mark.parametrize("every", [15, 3])
def test_other_lines_between_two_stray_quotes_do_not_hide_the_rows(other, every):
    lines = [other if 20 < number < 60 and number % every == 0 else line
             for number, line in enumerate(with_quotes(20).split("\n"))]
    lines[60] = lines[60].replace(",", '",')
    found, policy = rows("\n".join(lines))
    assert policy.examples["malformed"].startswith("a.csv:21: a quote opens here and closes in line 61")
    assert not any("\n" in cell for row in found for cell in row.cells)


def test_stray_quotes_from_the_first_row_on():
    lines = with_quotes(0).split("\n")
    lines[40] = lines[40].replace(",", '",')
    found, policy = rows("\n".join(lines))
    assert len(found) == 119 and policy.examples["malformed"].startswith("a.csv:1: a quote opens here and closes")


@pytest.mark.parametrize("cell", ["Good, really\nBad, too\nthe end", "1,000円\n\nです", "a\nb,c\nd\ne,f\ng"])
def test_commas_of_prose_are_no_rows(cell):
    found, policy = rows(f'text,label\n"{cell}",よい\nよい,x\n')
    assert [row.cells for row in found][1:] == [[cell, "よい"], ["よい", "x"]] and not policy.skipped


def test_blanks_after_the_separators_of_a_file():
    found, policy = rows('text, label\n"a, x\nb, y\nc", z\nd, x\n')
    assert policy.skipped["malformed"] == 1 and [row.line for row in found] == [1, 3, 4, 5]


def test_cells_of_several_lines_stay():
    text = 'text,label\n"一行目\n二行目, まだ\n\n四行目",よい\nよい,"最後の列\n二行目"\n'
    found, policy = rows(text)
    assert [row.cells for row in found] == [["text", "label"], ["一行目\n二行目, まだ\n\n四行目", "よい"],
                                            ["よい", "最後の列\n二行目"]]
    assert [row.line for row in found] == [1, 2, 6] and not policy.skipped


def test_plain_quotes():
    found, policy = rows('a"b,"c\n"d,e\n', quotes="no")
    assert [row.cells for row in found] == [['a"b', '"c'], ['"d', "e"]] and not policy.skipped


def test_many_open_quotes_cost_no_more_than_their_limit():
    count = 3 * MOST_LINES
    found, policy = rows("\n".join(f'"文{number},よい' for number in range(count)))
    assert len(found) + policy.skipped["malformed"] == count


@given(st.lists(st.lists(st.text("あx,\"\n \t", max_size=6), min_size=3, max_size=3), min_size=1, max_size=6))
def test_what_the_csv_module_writes_is_read_again(table):
    text = io.StringIO()
    csv.writer(text, lineterminator="\n", quoting=csv.QUOTE_ALL).writerows(table)
    found, policy = rows(text.getvalue(), quotes="yes")
    assert [row.cells for row in found] == table and not policy.skipped


@pytest.mark.parametrize("on_error", OnError)
def test_corpora_and_data_sets_read_alike(tmp_path, on_error):
    path = tmp_path / "a.csv"
    path.write_text("text,label\n" + with_quotes(50), encoding="utf-8")
    task = TaskConfig(dataset="text_file", files={"train": str(path)}, on_error=on_error)
    source, policy = SourceConfig(path=str(path), columns=["0"]), ErrorPolicy(on_error)
    if on_error is OnError.stop:
        for reading in (lambda: read(task), lambda: list(read_csv(source, policy))):
            with pytest.raises(DataError, match=r"a\.csv:52: a quote opens here"):
                reading()
    else:
        assert len(read(task).splits["train"]) == 119 and read(task).counts == {"malformed": 1}
        assert len(list(read_csv(source, policy))) == 120 and policy.skipped == {"malformed": 1}
        source.csv.quotes = Quotes.no
        assert len(list(read_csv(source, ErrorPolicy()))) == 121


def test_long_cells_and_lone_carriage_returns(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text(f"{'長' * 200_000},よい\n", encoding="utf-8")
    [[sentence]] = read_csv(SourceConfig(path=str(path), columns=["0"], split_sentences=False), ErrorPolicy())
    assert len(sentence) == 200_000
    path.write_text("一,よい\r二,よい\r", encoding="utf-8", newline="")
    with pytest.raises(DataError, match="a carriage return in a cell without quotes"):
        list(read_csv(SourceConfig(path=str(path), columns=["0"]), ErrorPolicy()))


def test_a_row_with_more_columns_than_the_first_is_not_cut(tmp_path):
    path = tmp_path / "a.tsv"
    path.write_text("1\t文\n2\t前\t後\n3\t終\n", encoding="utf-8")
    source = SourceConfig(path=str(path), columns=["1"])
    with pytest.raises(DataError, match=r"a\.tsv:2: 3 columns instead of 2 as in the first row"):
        list(read_tsv(source, ErrorPolicy()))
    policy = ErrorPolicy(OnError.skip)
    assert list(read_tsv(source, policy)) == [["文"], ["終"]] and policy.skipped == {"malformed": 1}


def test_two_columns_of_one_name_are_refused(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("text,label,text\n一,よい,二\n", encoding="utf-8")
    with pytest.raises(DataError, match="columns 0 and 2 .* are named 'text'"):
        read(TaskConfig(dataset="text_file", files={"train": str(path)}))
