"""Rules between the sections of a configuration, checked for every node before anything is built.

A rule is a function ``Config -> message``; `None` means that the configuration keeps it. Its decorator names the nodes
that it speaks of, so that `jpt prepare` does not complain about settings that only fine-tuning reads. What a single
section can check by itself is in that section's `validate`.
"""

from jptransfer.pipeline.rules import data, language_models, task_models
from jptransfer.pipeline.rules.base import RULES, NodeName, Rule, check_rules, rule

__all__ = ["RULES", "NodeName", "Rule", "check_rules", "data", "language_models", "rule", "task_models"]
