"""`jpt compare` without a split compares on the one that the data set has for the role `final`."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace

import pytest

from jptransfer.commands import models


@pytest.mark.parametrize(("roles", "expected"), [({"final": "exam"}, "exam"), ({}, "test"), (None, "test")])
def test_the_split_of_the_role_final(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, roles: dict | None,
                                     expected: str) -> None:
    (tmp_path / "task.json").write_text(json.dumps({"kind": "classification", "roles": roles}))
    manifest = SimpleNamespace(inputs={"dataset": {"fingerprint": "abc"}})
    monkeypatch.setattr(models, "Manifest", SimpleNamespace(read=lambda folder: manifest))
    known = {} if roles is None else {("abc", "dataset"): SimpleNamespace(path=tmp_path)}
    store = SimpleNamespace(find=lambda *key: known.get(key))
    assert models._final_split(store, tmp_path) == expected
