"""The verbs of the command line: what each is called, takes and runs. Importing this imports nothing heavy."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from jptransfer.errors import ConfigError, unknown
from jptransfer.registry import STAGES


@dataclass(frozen=True)
class Verb:
    """One verb: its line of help, the dataclass of its settings, the function behind it, and its positionals.

    Attributes:
        schema: name of a root configuration in `jptransfer.config`.
        target: ``module:function`` that takes the typed configuration; a verb of an experiment has none of its own.
        positionals: settings that may be given by position.
        rest: list setting that takes all further positionals.
        flags: switches that may be given as ``--name``.
    """

    name: str
    help: str
    schema: str = "Config"
    target: str = "jptransfer.commands.experiment:experiment"
    positionals: tuple[str, ...] = ()
    rest: str = ""
    flags: tuple[str, ...] = ()

    @property
    def is_experiment(self) -> bool:
        """Whether it works on a whole experiment."""
        return self.schema == "Config"

    @property
    def config_class(self) -> type:
        """The dataclass of the verb's settings."""
        return getattr(importlib.import_module("jptransfer.config"), self.schema)

    def load(self) -> Callable[..., Any]:
        """Import and return the function behind the verb."""
        module, _, function = self.target.partition(":")
        return getattr(importlib.import_module(module), function)

    def usage(self) -> str:
        """The verb with its positionals, as in ``jpt compare A B``."""
        words = [name.upper() for name in self.positionals] + ([f"[{self.rest.upper()} ...]"] if self.rest else [])
        groups = ["[group=choice ...]"] if self.is_experiment else []
        return " ".join(["jpt", self.name, *words, *groups, "[key=value ...]"])


TOOLS: dict[str, Verb] = {verb.name: verb for verb in (
    Verb("run", "build all that the configuration describes, down to the report"),
    Verb("reproduce", "build the tables and figures of a paper", "ReproduceConfig",
         "jptransfer.commands.reproduce:reproduce", ("suite",)),
    Verb("predict", "classify or tag text from a file or standard input", "PredictConfig",
         "jptransfer.commands.models:predict", ("artifact", "input")),
    Verb("attention", "show what a model with a self-attentive head looks at", "AttentionConfig",
         "jptransfer.commands.models:attention", ("artifact", "input")),
    Verb("heatmap", "colour texts by the value of one unit of an encoder", "HeatmapConfig",
         "jptransfer.commands.models:heatmap", ("artifact", "input")),
    Verb("generate", "write text with a causal language model", "GenerateConfig",
         "jptransfer.commands.models:generate", ("artifact",)),
    Verb("export", "write a model as a folder that plain transformers loads", "ExportConfig",
         "jptransfer.commands.models:export", ("artifact", "to")),
    Verb("import", "make a language model of weights released in another form", "ImportConfig",
         "jptransfer.commands.models:import_weights", ("folder", "to")),
    Verb("compare", "compare two evaluations: difference, interval and paired test", "CompareConfig",
         "jptransfer.commands.models:compare", ("a", "b")),
    Verb("artifacts", "list, show, verify, remove and exchange artifacts", "ArtifactsConfig",
         "jptransfer.commands.artifacts:artifacts", ("action",), rest="ids", flags=("json",)),
    Verb("ls", "list models, tasks, corpora, tokenizers, experiments, ...", "LsConfig",
         "jptransfer.commands.ls:ls", ("what",)),
    Verb("doctor", "check dictionary, devices, packages and folders", "DoctorConfig",
         "jptransfer.commands.doctor:doctor"),
)}
"""The verbs that are not those of a stage."""


class Verbs(Mapping[str, Verb]):
    """Name -> verb: those that the registered stages name, in the order of the pipeline, and `TOOLS`."""

    def __getitem__(self, name: str) -> Verb:
        return TOOLS[name] if name in TOOLS else self._of_stages()[name]

    def __iter__(self) -> Iterator[str]:
        return iter([*self._of_stages(), *TOOLS])

    def __len__(self) -> int:
        return len(self._of_stages()) + len(TOOLS)

    def _of_stages(self) -> dict[str, Verb]:
        """Return the verbs of stages; one that several stages share has the help of all of them."""
        help_lines: dict[str, list[str]] = {}
        for stage in map(STAGES.load, STAGES):
            help_lines.setdefault(stage.verb, []).append(stage.help)
        return {name: Verb(name, "; ".join(lines)) for name, lines in help_lines.items()}


VERBS = Verbs()


def find_verb(name: str) -> Verb:
    """Return the verb called `name`, else raise `ConfigError` with the nearest one."""
    if name not in VERBS:
        raise ConfigError(unknown("verb", name, VERBS))
    return VERBS[name]
