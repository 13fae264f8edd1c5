"""What was typed is what is meant: texts keep their spelling, tables are replaced, entries deleted, in every place."""

import copy
import dataclasses
from typing import get_args, get_origin, get_type_hints

import pytest
from hydra import initialize_config_dir
from hydra.core.override_parser.overrides_parser import OverridesParser

from jptransfer.commands import VERBS
from jptransfer.commands.compose import Composer, register, typed
from jptransfer.commands.overriding import apply
from jptransfer.commands.words import hydra_override
from jptransfer.config import Config
from jptransfer.config.describe import settings
from jptransfer.config.hints import hint_at
from jptransfer.errors import ConfigError
from jptransfer.resources import resource
from tests.commands.test_compose import composed

SPELLINGS = ["true", "FALSE", "null", "NULL", "1.50", "1e-5", "1_0", "0x10", "007", "+5", "-0", ".5", "1.", "inf",
             "nan", "NA", "on", "off", "yes", "no", "???", "~", "2020-01-01", "12:30", "1.0", "悪い", "とても 良い",
             "a b", "a=b", "it's", 'say "so"', "a(b", "c:\\x", "50%", "[UNK", "#1", "choice", "良い(!)", "😀"]
TABLES = [one.path for one in settings(Config) if one.type.startswith("table")]


@pytest.fixture(autouse=True, scope="module")
def hydra():
    register(VERBS["run"])
    with initialize_config_dir(version_base="1.3", config_dir=str(resource("configs"))):
        yield


def from_command_line(*overrides):
    return typed(composed(*(hydra_override(one, Config) for one in overrides)))


BASE = []


def from_row(*overrides):
    if not BASE:
        BASE.append(composed())
    return Composer(BASE[0])(overrides)


def from_row_that_chooses(*overrides):
    return Composer(composed())(["lm=none", "corpus=toy", *overrides])


def from_suite(*overrides):
    from_row()
    return Composer()(overrides)


PLACES = [from_command_line, from_row, from_row_that_chooses, from_suite]


def written(text):
    """A text as a careful user types it: what has a meaning of its own between brackets is quoted."""
    return f"'{text}'" if text in ("[UNK",) else text


@pytest.mark.parametrize("place", PLACES)
def test_a_text_is_what_was_typed(place):
    words = [written(text) for text in SPELLINGS]
    as_values = ",".join(f"n{number}:{word}" for number, word in enumerate(words))
    names = [text for text in SPELLINGS if not set(text) & set(":=\"'[")]
    as_names = ",".join(f"{text}:{number}" for number, text in enumerate(names))
    one_by_one = [f"task.label_map.{text}=x" for text in names if " " not in text]
    made = place(f"task.labels=[{','.join(words)}]", f"task.files={{{as_values}}}",
                 "task.text_column=1.50", "task.label_column=null", f"finetuning.encoder.phases.{'p'}={{epochs:1}}",
                 f"corpus.sources.007.where={{{as_names}}}", *one_by_one)
    assert made.task.labels == SPELLINGS and list(made.task.files.values()) == SPELLINGS
    assert made.corpus.sources["007"].where == {text: str(number) for number, text in enumerate(names)}
    assert set(made.task.label_map) == {text for text in names if " " not in text}
    assert (made.task.text_column, made.task.label_column) == ("1.50", "null")


@pytest.mark.parametrize("text", SPELLINGS)
def test_a_single_text_is_what_was_typed(text):
    made = from_row(f"task.text_column={written(text)}")
    assert made.task.text_column == text


@pytest.mark.parametrize("text", SPELLINGS)
def test_a_sweep_keeps_the_spelling(text):
    word = written(text)
    for override in (f"task.text_column={word},other", f"task.text_column=choice({word},other)"):
        if "choice(" in override and set(text) & set("()"):
            continue
        parsed = OverridesParser.create().parse_override(hydra_override(override, Config))
        jobs = []
        for one in parsed.sweep_string_iterator():  # as a sweeper gives it to a job
            from_row()
            config = copy.deepcopy(BASE[0])
            apply([OverridesParser.create().parse_override(f"task.text_column={one}")], config)
            jobs.append(typed(config))
        assert [job.task.text_column for job in jobs] == [text, "other"]


def test_settings_that_are_not_text_are_read_as_before():
    made = from_command_line("seed=1_0", "finetuning.encoder.learning_rate=1e-3", "task.stratify=false",
                             "finetuning.subset.n=null", "task.expected={train:1_000}", "seeds=[1,2]")
    assert (made.seed, made.finetuning.encoder.learning_rate, made.task.stratify) == (10, 1e-3, False)
    assert made.finetuning.subset.n is None and made.task.expected == {"train": 1000} and made.seeds == [1, 2]


def test_yaml_files_keep_the_spelling(tmp_path):
    (tmp_path / "experiment").mkdir()
    (tmp_path / "experiment" / "mine.yaml").write_text(
        "# @package _global_\ntask:\n  text_column: 1.50\n  labels: [true, NA, null, 007, '???', 2020-01-01, 0x10]\n"
        "  label_map: {1.0: on, null: off, yes: '', 1e-5: 1_0}\n  stratify: false\n  validation_fraction: 1e-1\n"
        "rows: {1.0: [lm=none]}\n", encoding="utf-8")
    (tmp_path / "task").mkdir()
    (tmp_path / "task" / "own.yaml").write_text("name: 007\nlabels: [no]\n", encoding="utf-8")
    made = typed(composed("task=own", "+experiment=mine", f"hydra.searchpath=[file://{tmp_path}]"))
    assert made.task.name == "007" and made.task.text_column == "1.50"
    assert made.task.labels == ["true", "NA", "null", "007", "???", "2020-01-01", "0x10"]
    assert made.task.label_map == {"1.0": "on", "null": "off", "yes": "", "1e-5": "1_0"}
    assert made.task.stratify is False and made.task.validation_fraction == 0.1 and list(made.rows) == ["1.0"]


def entries(path):
    """Two values of a table's entries, as typed and as they are."""
    hint = get_args(hint_at(path.replace("<name>", "p").split("."), Config))[1]
    if dataclasses.is_dataclass(hint):
        field = next(one for one in dataclasses.fields(hint) if one.name in ("path", "epochs", "max_steps"))
        is_text = get_type_hints(hint)[field.name] is str
        return [(f"{{{field.name}:{value}}}", lambda made, value=value, name=field.name:
                 getattr(made, name) == (str(value) if is_text else value)) for value in (1, 2)]
    values = {str: ("1", "2"), int: (1, 2), float: (1.0, 2.0)}.get(hint, (["1"], ["2"]))
    shown = ["[1]", "[2]"] if get_origin(hint) is list else ["1", "2"]
    return [(word, lambda made, value=value: made == value) for word, value in zip(shown, values, strict=True)]


def value_at(config, path):
    for word in path.split("."):
        config = config[word] if isinstance(config, dict) else getattr(config, word)
    return config


@pytest.mark.parametrize("place", [from_command_line, from_row_that_chooses, from_suite])
def test_a_table_is_replaced_wherever_it_is_given(place, monkeypatch):
    monkeypatch.setattr("jptransfer.commands.compose.check", lambda config: None)
    paths = [path.replace("<name>", "p") for path in TABLES]
    overrides = [f"{path}={{x:{entries(path)[0][0]},y:{entries(path)[0][0]}}}" for path in sorted(paths, key=len)]
    made = place(*overrides, *(f"~{path}.x" for path in paths), *(f"~{path}.p" for path in paths
                 if any(other.startswith(f"{path}.p") for other in paths)))
    assert all(list(value_at(made, path)) == ["y"] for path in paths if ".p." not in path)


@pytest.mark.parametrize("path", TABLES)
def test_every_table_is_replaced_its_entries_set_and_deleted(path, monkeypatch):
    place = from_row
    monkeypatch.setattr("jptransfer.commands.compose.check", lambda config: None)  # values need not make sense here
    (one, is_one), (two, is_two) = entries(path)
    path = path.replace("<name>", "toy")
    base = [f"{path}={{a:{one},b:{one}}}"]
    made = value_at(place(*base), path)
    assert list(made) == ["a", "b"] and is_one(made["a"])
    assert value_at(place(f"{path}.z={one}", f"{path}={{}}"), path) == {}
    assert value_at(place(f"{path}.z={one}", f"~{path}"), path) == {}
    replaced = value_at(place(f"{path}={{x:{one}}}", f"{path}.b={two}", f"++{path}={{c:{two}}}"), path)
    assert list(replaced) == ["c"] and is_two(replaced["c"])
    assert list(value_at(place(*base, f"{path}.d={two}"), path)) == ["a", "b", "d"]
    changed = value_at(place(*base, f"{path}.a={two}"), path)
    assert list(changed) == ["a", "b"] and is_two(changed["a"]) and is_one(changed["b"])
    assert list(value_at(place(*base, f"~{path}.a"), path)) == ["b"]
    assert list(value_at(place(*base, f"+{path}={{c:{two}}}"), path)) == ["a", "b", "c"]
    with pytest.raises(ConfigError, match="unknown entry 'aa' .did you mean 'a'"):
        place(*base, f"~{path}.aa")


def test_the_presets_table_goes_where_another_is_given():
    made = from_command_line("corpus=toy", "corpus.sources={mine:{path:x.txt}}", "task=toy_sentiment",
                             "task.files={train:F}", "~task.expected.test")
    assert list(made.corpus.sources) == ["mine"] and made.task.files == {"train": "F"}
    assert made.task.expected == {"train": 900, "validation": 250}
