"""The page of evidence: one HTML file with everything in it, readable without a network, on paper and on a phone."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING

from jptransfer.report import numbers
from jptransfer.report.contents import Report
from jptransfer.report.drawing import DARK, LIGHT, Figure, Theme, render
from jptransfer.report.lineage import steps
from jptransfer.report.sources import Source, Sources

if TYPE_CHECKING:
    from jinja2 import Environment

def config_text(source: Source) -> str:
    """Return the settings that an artifact's identity was computed from, as YAML."""
    import yaml

    return yaml.safe_dump(source.manifest.recipe.get("config", {}), sort_keys=False, allow_unicode=True, width=100)


def versions(sources: Sources) -> dict[str, str]:
    """Return what the first evaluation was made with: code, Python, packages, device."""
    provenance = sources.runs[0].evaluation.manifest.provenance
    git = provenance.get("git") or {}
    commit = f" (commit {git['commit'][:12]}{', changed' if git.get('dirty') else ''})" if git.get("commit") else ""
    found = {"jptransfer": f"{provenance.get('jptransfer', '')}{commit}", "python": provenance.get("python", ""),
             **provenance.get("packages", {}), "device": (provenance.get("device") or {}).get("name", "")}
    return {name: value for name, value in found.items() if value}


def data_uri(figure: Figure, theme: Theme) -> str:
    """Return a figure as an SVG data URI."""
    return "data:image/svg+xml;base64," + base64.b64encode(render(figure, "svg", theme)).decode()


def environment() -> Environment:
    """Return what pages are made with: every text that comes from data is escaped."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    made = Environment(loader=PackageLoader("jptransfer.report"), autoescape=True, undefined=StrictUndefined,
                       trim_blocks=True, lstrip_blocks=True)
    made.filters |= {"light": lambda f: data_uri(f, LIGHT), "dark": lambda f: data_uri(f, DARK),
                     "config": config_text, "count": numbers.count}
    return made


def html(report: Report) -> str:
    """Return the page."""
    return environment().get_template("page.html.j2").render(
        report=report, sources=report.sources, light=LIGHT.palette, dark=DARK.palette, command=report.command,
        versions=versions(report.sources), steps=list(steps(report.sources)))
