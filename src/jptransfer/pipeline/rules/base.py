"""The list of rules, and what checks a configuration against it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, TypeAlias

from jptransfer.config.run import Config
from jptransfer.errors import ConfigError

Check: TypeAlias = Callable[[Config], str | None]
NodeName: TypeAlias = Literal["corpus", "domain", "tokenizer", "domain_tokenizer", "dataset", "language_model",
                              "adapted", "features", "probe", "task_model", "evaluation", "report"]


@dataclass(frozen=True)
class Rule:
    """One rule: what is wrong with a configuration, if anything, for the nodes that it speaks of."""

    nodes: tuple[NodeName, ...]
    check: Check


RULES: list[Rule] = []
"""Every rule, in the order in which they are checked."""


def rule(*nodes: NodeName) -> Callable[[Check], Check]:
    """Add the decorated function to `RULES` for these nodes."""

    def add(check: Check) -> Check:
        RULES.append(Rule(nodes, check))
        return check

    return add


def check_rules(config: Config, node: NodeName) -> None:
    """Raise `ConfigError` with the message of the first rule for `node` that `config` breaks."""
    for one in RULES:
        if node in one.nodes and (message := one.check(config)):
            raise ConfigError(message)
