"""Limits, registered names and unknown_fields in typed configurations, and what the dataclasses say of themselves."""

import ast
import dataclasses
from pathlib import Path

import pytest

import jptransfer.config as config_package
from jptransfer.commands import VERBS
from jptransfer.config import (
    Config,
    SourceConfig,
    TaskConfig,
    features,
    finetuning,
    generation,
    heads,
    models,
    probe,
    run,
    suite,
    task,
    text,
    training,
    verbs,
)
from jptransfer.config.check import check
from jptransfer.config.describe import (
    docstrings,
    help_of,
    registered_settings,
    settings,
    show_type,
    table_of,
    unknown_setting,
)
from jptransfer.config.fields import setting
from jptransfer.errors import ConfigError
from jptransfer.registration import complete_sections
from jptransfer.registry import ALL

SOURCE = Path(__file__).resolve().parents[2] / "src" / "jptransfer"


@dataclasses.dataclass
class Inner:
    rate: float = setting(0.5, low=0, high=1)
    """a share"""


@dataclasses.dataclass
class Outer:
    inner: Inner = setting(factory=Inner)
    """one"""
    table: dict[str, Inner] = setting(factory=dict)
    """many"""
    numbers: list[int] = setting(factory=list, low=0)
    """several numbers"""
    metric: str = setting("", registry="metrics")
    """a name, or none"""


@pytest.mark.parametrize(("config", "place"), [
    (Outer(inner=Inner(-0.1)), "inner.rate"),
    (Outer(inner=Inner(float("nan"))), "inner.rate"),
    (Outer(table={"x": Inner(1.1)}), "table.x.rate"),
    (Outer(numbers=[1, -1]), "numbers"),
    (Outer(metric="acuracy"), "metric"),
])
def test_the_message_names_the_place(config, place):
    with pytest.raises(ConfigError, match=f"^{place}: "):
        check(config)


@pytest.mark.parametrize("rate", [0, 0.0, 1, 1.0])
def test_limits_are_inclusive(rate):
    check(Outer(inner=Inner(rate)))


def test_an_empty_name_stands_for_none_where_that_is_the_default():
    check(Outer())


def test_what_plus_put_into_a_section_is_a_stranger():
    config = Outer(table={"x": Inner()})
    config.table["x"].extra = 1
    with pytest.raises(ConfigError, match=r"unknown setting 'table.x.extra'"):
        check(config)


@pytest.mark.parametrize("schema", sorted({verb.config_class for verb in VERBS.values()}, key=lambda one: one.__name__))
def test_every_field_has_a_docstring_and_defaults_pass(schema):
    assert [one.path for one in settings(schema) if not one.help] == []
    check(schema())


def attributes_read() -> set[str]:
    """Names of all attributes that the code outside of `jptransfer.config` reads."""
    files = (file for file in SOURCE.rglob("*.py") if SOURCE / "config" not in file.parents)
    nodes = (node for file in files for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))))
    return {node.attr for node in nodes if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Load)}


MODULES = (text, task, features, finetuning, generation, heads, models, probe, training, run, suite, verbs)
EXPORTED = {name: value for name, value in vars(config_package).items() if isinstance(value, type)}


@pytest.fixture(scope="module")
def read() -> set[str]:
    return attributes_read() | {name for table in ALL.values() for name in table}  # the sections of members


@pytest.mark.parametrize("schema", [
    *(value for value in EXPORTED.values() if dataclasses.is_dataclass(value)),
    *(entry.settings for table in ALL.values() for entry in table.entries.values() if entry.settings)])
def test_every_field_has_a_docstring_and_is_read(schema, read):
    complete_sections()
    fields = {field.name for field in dataclasses.fields(schema)}
    assert fields - docstrings(schema).keys() == set()
    assert fields - read == set()


def test_every_enum_and_dataclass_is_exported():
    made = {name for module in MODULES for name, value in vars(module).items()
            if isinstance(value, type) and value.__module__ == module.__name__}
    assert made == set(EXPORTED)


def test_markers_name_registries_that_exist():
    assert registered_settings(Config).keys() <= ALL.keys()
    assert registered_settings(Config)["tokenizers"] == "tokenizer.kind"


def test_types_read_as_on_the_command_line():
    lines = {one.path: one for one in settings(Config)}
    assert lines["pretraining.precision"].type == "fp32|bf16"
    assert lines["corpus.max_bytes"].type == "int or null"
    assert lines["corpus.cleaning.steps"].type == "list of str"
    assert lines["corpus.sources"].is_section
    assert show_type(dict[str, str]) == "table of str"
    assert show_type(dict[str, SourceConfig]) == "table of sections"


def test_tables_and_their_docstrings():
    assert table_of("corpus.sources.x.path", Config) == "corpus.sources"
    assert table_of("corpus.sources.x.where.a", Config) == "corpus.sources.x.where"
    assert table_of("corpus.cleaning.steps", Config) == ""
    assert help_of("corpus.sources.x.split", Config).startswith("split of a Hugging Face data set")


def test_a_setting_without_its_section_is_found():
    assert "(did you mean 'tokenizer.vocab_size'?)" in unknown_setting("vocab_size", Config)
    assert "(did you mean 'seed'?)" in unknown_setting("sede", Config)
    assert "(did you mean 'corpus.sources.wiki.path'?)" in unknown_setting("corpus.sources.wiki.paht", Config)


@pytest.mark.parametrize(("labels", "said"), [(["good", "bad", "good"], r"\.labels: 'good' is there twice"),
                                              (["good", " "], r"\.labels\[1\]: a label needs a name")])
def test_labels_have_names_of_their_own(labels, said):
    with pytest.raises(ConfigError, match=f"^task{said}"):
        check(Config(task=TaskConfig(labels=labels)))


@pytest.mark.parametrize(("name", "trouble"), [
    ("a" * 243, "243 bytes in UTF-8, at most 242"), ("日" * 81, "243 bytes in UTF-8"),
    ("a\x1b[2J", "control characters"),
    ("a\nb", "control characters"), ("\udcff", "invalid Unicode"), ("../x", "no '/' in it"), ("", "not empty"),
])
def test_a_name_that_a_file_system_does_not_take_is_an_error(name: str, trouble: str) -> None:
    config = Config()
    config.task.name = name
    with pytest.raises(ConfigError, match=rf"task\.name: .*{trouble}"):
        check(config)
    for longest in ("a" * 242, "日" * 80):
        config.task.name = longest
        check(config)
