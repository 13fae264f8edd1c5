import csv
import io
import re
from html.parser import HTMLParser
from unicodedata import east_asian_width

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jptransfer.report import tables
from jptransfer.report.page import environment
from jptransfer.report.tables import NOTHING, Cell, Column, Table

TABLE = Table("結果", [Column("row", "row"), Column("accuracy", "Accuracy", True)],
              [[Cell("scratch", "scratch"), Cell("50.0", 0.5, values={"low": 0.25})],
               [Cell("言語モデル", "言語モデル", bold=True), Cell("80.1", 0.801234567, bold=True, mark="↑")]],
              "A caption")


def html(table: Table) -> str:
    template = '{% from "macros.html.j2" import table %}{{ table(one) }}'
    return environment().from_string(template).render(one=table)


class Cells(HTMLParser):
    """Text of each cell of an HTML table."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.found: list[str] = []
        self.open: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        self.open.append(tag)
        if tag in ("td", "th"):
            self.found.append("")

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if "td" in self.open or "th" in self.open:
            self.found[-1] += data


def test_markdown_marks_the_best_and_aligns_wide_characters():
    lines = tables.markdown(TABLE).splitlines()
    assert len({sum(2 if east_asian_width(letter) in "WF" else 1 for letter in line) for line in lines}) == 1
    assert lines[1].endswith("-: |")
    assert "**言語モデル**" in lines[3] and "**80.1**↑" in lines[3]


def test_markdown_cells_cannot_break_the_table():
    shown = tables.markdown(tables.text_table("t", ["a"], [["x|y\nz <script> < .001"]]))
    assert shown.splitlines()[2] == r"| x\|y z &lt;script> < .001 |"


@given(st.lists(st.lists(st.text(st.characters(exclude_categories=["Cs", "Cc"])), min_size=2, max_size=2), max_size=4))
def test_csv_gives_the_texts_back(rows):
    text = tables.csv_text(tables.text_table("t", ["a", "b"], rows))
    assert list(csv.reader(io.StringIO(text)))[1:] == rows


def test_csv_has_full_precision_and_the_extra_values():
    assert list(csv.DictReader(io.StringIO(tables.csv_text(TABLE)))) == [
        {"row": "scratch", "accuracy": "0.5", "accuracy_low": "0.25"},
        {"row": "言語モデル", "accuracy": "0.801234567", "accuracy_low": ""}]


def test_latex_is_a_booktabs_table_with_escaped_text():
    shown = tables.latex(tables.text_table("R&D", ["50%"], [["a_b & $c"]]), label="tab:x")
    assert r"\caption{R\&D.}" in shown and r"\label{tab:x}" in shown
    assert r"50\% \\" in shown and r"a\_b \& \$c \\" in shown
    assert [rule in shown for rule in (r"\toprule", r"\midrule", r"\bottomrule")] == [True] * 3
    assert r"\textbf{80.1}$^{$\uparrow$}$" not in tables.latex(TABLE)
    assert r"\textbf{80.1}\textsuperscript{$\uparrow$}" in tables.latex(TABLE)


@given(st.text(st.sampled_from("&%$#_{}~^\\<>a日")))
def test_latex_specials_are_never_bare(text):
    shown = tables.escape_latex(text)
    commands = r"\\(textbackslash|textasciitilde|textasciicircum|textless|textgreater)\{\}|\\[&%$#_{}]"
    rest = re.sub(commands, "", shown)
    assert not set(rest) & set("&%$#_{}~^\\<>")


@given(st.text(st.sampled_from("<>&/bi;=\"'日")))
def test_html_shows_every_text_and_runs_none(text):
    shown = html(Table(text, [Column("a", text)], [[Cell(text, mark=text)]], text))
    assert Cells(shown).found == [text, text + text]


def test_html_bold_and_numbers():
    shown = html(TABLE)
    assert '<td class="number"><strong>80.1</strong><sup>↑</sup></td>' in shown
    assert "<caption><span>A caption</span></caption>" in shown


def test_json_gives_the_table_back():
    assert Table.from_json(TABLE.to_json()) == TABLE


def test_columns_without_a_value_go():
    table = tables.text_table("t", ["a", "b"], [["x", None], ["y", None]])
    assert [column.key for column in tables.without_empty_columns(table).columns] == ["a"]
    assert tables.plain(None) == NOTHING


@pytest.mark.parametrize("value, text", [
    (1234567, "1,234,567"), (0.00112, "0.00112"), (17.5, "17.5"), (12345.6, "12,346"), (0.0, "0.0"), (True, "yes"),
    (-0.5, "-0.5"), (float("inf"), "inf"), (1000.0, "1,000")])
def test_plain_values(value, text):
    assert tables.plain(value).text == text


def test_a_row_of_wrong_length_is_a_bug():
    with pytest.raises(ValueError, match="2 cells for 1 columns"):
        Table("t", [Column("a", "a")], [[NOTHING, NOTHING]])


def test_groups_of_columns_have_headings_of_their_own():
    columns = [Column("row", ""), Column("a_x", "x", True, "A&B"), Column("a_y", "y", True, "A&B"),
               Column("b_x", "x", True, "B")]
    table = Table("t", columns, [[Cell("r"), Cell("1"), Cell("2"), Cell("3")]])
    assert '<tr><td colspan="1"></td><th scope="colgroup" class="group" colspan="2">A&amp;B</th>' in html(table)
    text = tables.latex(table)
    assert r" & \multicolumn{2}{c}{A\&B} & \multicolumn{1}{c}{B} \\" in text
    assert r"\cmidrule(lr){2-3} \cmidrule(lr){4-4}" in text
    assert "A&B: x" in tables.markdown(table) and tables.csv_text(table).startswith("row,a_x,a_y,b_x")
    assert Table.from_json(table.to_json()) == table


def test_csv_texts_are_no_formulas_of_a_spreadsheet() -> None:
    names = ["=1+1", "+cmd", "-2+3", "@sum", "\tx", "plain", "a=b"]
    table = Table("title", [Column("row", "Row")], [[Cell(name, name)] for name in names])
    rows = [row[0] for row in csv.reader(io.StringIO(tables.csv_text(table)))]
    assert rows == ["row", "'=1+1", "'+cmd", "'-2+3", "'@sum", "'\tx", "plain", "a=b"]
