"""The page of ``jpt <verb> --help``: groups, their choices, and every setting with type, default and docstring."""

from __future__ import annotations

from jptransfer.commands import Verb
from jptransfer.config.describe import Setting, settings
from jptransfer.resources import resource


def groups() -> dict[str, list[str]]:
    """Return group -> choices, as far as the shipped configurations go; Hydra's own and suites are left out."""
    folders = sorted(path for path in resource("configs").iterdir()
                     if path.is_dir() and path.name not in ("hydra", "suites"))
    return {folder.name: sorted(choice.stem for choice in folder.glob("*.yaml")) for folder in folders}


def headline(group: str, choice: str) -> str:
    """The first comment line of a choice's file, without the mark; empty if there is none."""
    lines = (resource("configs") / group / f"{choice}.yaml").read_text(encoding="utf-8").splitlines()
    comments = [line.lstrip("# ").strip() for line in lines if line.startswith("#") and "@package" not in line]
    return comments[0] if comments else ""


def verb_help(verb: Verb) -> str:
    """Return the whole page."""
    own = list(settings(verb.config_class))
    names = {setting.path for setting in own} | ({"experiment"} if verb.is_experiment else set())
    choices = [f"  {group}: {', '.join(names_)}" for group, names_ in groups().items() if group in names]
    return "\n".join([
        f"usage: {verb.usage()}", "", verb.help, "",
        *(["Groups (group=choice; experiments with a plus: +experiment=name):", *choices, ""] if choices else []),
        "Settings (key=value):", *map(_line, own), "",
        "Hydra's options: -m to sweep over values given as a,b or range(..); --cfg job to show the configuration;",
        "  --config-dir DIR for more choices; --hydra-help for all of them"])


def _line(setting: Setting) -> str:
    indent = "  " * (setting.path.count(".") + 1)
    if setting.is_section:
        return f"{indent}{setting.path}: {setting.help}"
    return f"{indent}{setting.path} ({setting.type}, default {setting.default}): {setting.help}"
