"""Settings of verbs that take no experiment, as they are typed."""

from dataclasses import fields, is_dataclass

import pytest

from jptransfer.config import AttentionConfig, CompareConfig, ExportConfig, PredictConfig
from jptransfer.inference.predict import read_rows
from jptransfer.resources import resource


@pytest.mark.parametrize("kind", [PredictConfig, AttentionConfig, ExportConfig, CompareConfig])
def test_no_text_setting_has_the_name_of_a_group_which_hydra_would_take_it_for(kind):
    groups = {path.name for path in resource("configs").iterdir() if path.is_dir()}
    values = {one.name for one in fields(kind) if not is_dataclass(one.type) and one.name != "runtime"}
    assert not groups & values


def test_an_encoding_reaches_predict_from_the_command_line(jpt, tmp_path):
    (tmp_path / "texts.txt").write_bytes("良い".encode("cp932"))
    result = jpt("predict", "0123456789ab", "texts.txt", "encoding=cp932")
    assert result.code == 2 and "0123456789ab" in result.err and "unknown setting" not in result.err


def test_a_json_array_of_strings_is_texts(tmp_path):
    path = tmp_path / "texts.json"
    path.write_text('["良い", ""]', encoding="utf-8")
    assert [row["text"] for row in read_rows(str(path), "")] == ["良い", ""]
