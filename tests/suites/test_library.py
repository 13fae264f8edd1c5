import pytest

from jptransfer.errors import ConfigError
from jptransfer.suites import library

GOOD = """
scales: {toy: {}}
fragments: {one: {overrides: [lm=none]}}
columns: {a: {}}
rows: {x: {include: [one], paper_value: {a: 1.5}}}
"""


def write(folder, text, name="mine.yaml"):
    (folder / name).write_text(text, encoding="utf-8")
    return str(folder / name)


def test_a_file_of_ones_own_and_what_lies_beneath_it(tmp_path):
    write(tmp_path, "digits: 1\nfragments: {two: {overrides: [seed=1]}}", library.SHARED)
    [suite] = library.find(write(tmp_path, GOOD))
    assert (suite.name, suite.file) == ("mine", str(tmp_path / "mine.yaml"))
    assert suite.config.digits == 1 and set(suite.config.fragments) == {"one", "two"}
    assert suite.config.base == "x"


@pytest.mark.parametrize(("change", "complaint"), [
    (("include: [one]", "include: [onee]"), "unknown fragment 'onee' (did you mean 'one'?)"),
    (("{a: 1.5}", "{b: 1.5}"), "rows.x: unknown column 'b'"),
    (("scales: {toy: {}}", "baseline: y\nscales: {toy: {}}"), "unknown row 'y'"),
    (("scales: {toy: {}}", "layout: absolut\nscales: {toy: {}}"), "did you mean 'absolute'?"),
    (("scales: {toy: {}}", "split: tests\nscales: {toy: {}}"), "did you mean 'test'?"),
    (("overrides: [lm=none]", "scales: {big: [lm=none]}"), "unknown scale 'big'"),
    (("columns: {a: {}}", "columns: {}"), "columns is empty"),
    (("digits", "digits"), None),
    (("columns: {a: {}}", "colums: {a: {}}"), "unknown setting 'colums' (did you mean 'columns'?)"),
    (("include: [one]", "includes: [one]"), "unknown setting 'rows.x.includes' (did you mean 'rows.x.include'?)"),
    (("include: [one]", "include: one"), "rows.x.include: it takes a list, as in rows.x.include=[a,b]"),
    (("columns: {a: {}}", "columns: ["), "no YAML"),
])
def test_mistakes_are_one_line_that_names_the_file(tmp_path, change, complaint):
    path = write(tmp_path, GOOD.replace(*change))
    if complaint is None:
        assert library.find(path)
        return
    with pytest.raises(ConfigError) as error:
        library.find(path)
    assert path in str(error.value) and complaint in str(error.value) and "\n" not in str(error.value)


def test_an_unknown_name_names_the_nearest():
    with pytest.raises(ConfigError, match="did you mean 'bataa2019/table"):
        library.find("bataa2019/tabel3")
