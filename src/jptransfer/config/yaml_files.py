"""YAML files of settings: where the schema says text, the characters in the file are the value.

YAML reads a plain ``true``, ``1.50`` or ``null`` as a truth value, a number, nothing. A label or a column may well be
called so, and needs no quotes here. A plain ``???`` still says that a value has to be given; quoted it is a text.
"""

from __future__ import annotations

import typing
from functools import cache
from typing import Any

from omegaconf import OmegaConf
from omegaconf._utils import get_yaml_loader
from yaml import MappingNode, Node, ScalarNode, SequenceNode, cyaml
from yaml.constructor import SafeConstructor
from yaml.resolver import Resolver

from jptransfer.config.hints import hint_at, is_optional, is_text, item_hint
from jptransfer.config.spelling import MISSING, written

TEXT = "tag:yaml.org,2002:str"
MERGE = "tag:yaml.org,2002:merge"


def load_settings(text: str, hint: Any) -> Any:
    """Return what a YAML file holds as a node of OmegaConf.

    Args:
        hint: the type of what the file holds, a dataclass for a section; None where there is no schema.

    Raises:
        yaml.YAMLError: it is no YAML.
    """
    loader = _loader()(text)
    try:
        node = loader.get_single_node()
        if node is None:
            return OmegaConf.create({})
        _keep_texts(node, hint)
        return OmegaConf.create(loader.construct_document(node))
    finally:
        loader.dispose()


@cache
def _loader() -> Any:
    """Return OmegaConf's loader, reading with libyaml where PyYAML has it: several times as fast as Python."""
    omegaconfs: Any = get_yaml_loader()
    if not hasattr(cyaml, "CParser"):
        return omegaconfs

    class Loader(cyaml.CParser, omegaconfs):  # type: ignore[misc]
        def __init__(self, stream: str) -> None:
            cyaml.CParser.__init__(self, stream)
            SafeConstructor.__init__(self)
            Resolver.__init__(self)

    return Loader


def _keep_texts(node: Node, hint: Any) -> None:
    if isinstance(node, ScalarNode):
        if is_text(hint) and not (is_optional(hint) and node.tag.endswith(":null")):
            _keep(node)
    elif isinstance(node, SequenceNode):
        for item in node.value:
            _keep_texts(item, item_hint(hint))
    elif isinstance(node, MappingNode):
        is_table = typing.get_origin(hint) is dict
        for key, value in node.value:
            if key.tag == MERGE:
                _keep_texts(value, hint)
                continue
            if is_table and isinstance(key, ScalarNode):
                _keep(key)
            _keep_texts(value, item_hint(hint) if is_table else hint_at([key.value], hint))


def _keep(node: ScalarNode) -> None:
    if node.tag.startswith("tag:yaml.org,2002:"):
        node.tag = TEXT
    if node.value == MISSING and node.style:
        node.value = written(MISSING)
