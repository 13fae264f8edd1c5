"""`jpt artifacts`: list, show, trace, compare, check, remove and exchange what is in the store."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from jptransfer.artifacts import Artifact, Store
from jptransfer.artifacts.fingerprint import differences
from jptransfer.artifacts.hub import pull_from_hub, push_to_hub
from jptransfer.config import ArtifactsConfig
from jptransfer.errors import ArtifactError, ConfigError, printable, unknown
from jptransfer.files import json_text
from jptransfer.pipeline.stage import all_stages


def artifacts(config: ArtifactsConfig) -> None:
    """Run the action asked for."""
    if config.action not in ACTIONS:
        raise ConfigError(unknown("action", config.action, ACTIONS))
    if config.kind and config.kind not in (kinds := {stage.kind for stage in all_stages()}):
        raise ConfigError(unknown("kind", config.kind, kinds))
    ACTIONS[config.action](config, Store(config.outputs_root))


def _ls(config: ArtifactsConfig, store: Store) -> None:
    sound, damaged = store.survey(config.kind)
    found = [*map(facts, sound), *(_damaged_facts(*one) for one in damaged)]
    if config.json:
        print(json_text(found, indent=1))
        return
    for one in found:
        print(printable(
            f"{one['id']}  {one['kind']:<14}  {one['name']:<20} {human(one['bytes']):>9}  {one['headline']}".rstrip()))


def facts(artifact: Artifact) -> dict[str, Any]:
    """Return what a list says of an artifact."""
    manifest = artifact.manifest
    return {"id": artifact.id, "kind": manifest.kind, "name": manifest.name, "stage": manifest.stage,
            "path": str(artifact.path), "fingerprint": manifest.fingerprint, "seconds": manifest.seconds,
            "bytes": sum(file["size"] for file in manifest.files.values()),
            "headline": manifest.summary.get("headline", ""), "damaged": ""}


def _damaged_facts(folder: Path, why: str) -> dict[str, Any]:
    """Return what a list says of an artifact whose manifest cannot be used; `damaged` says why."""
    name, _, short = folder.name.rpartition("-")
    size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    return {"id": short, "kind": folder.parent.name, "name": name, "stage": "", "path": str(folder), "fingerprint": "",
            "seconds": 0.0, "bytes": size, "headline": f"damaged: {why}", "damaged": why}


def human(size: float) -> str:
    """Return a number of bytes in the unit that suits it."""
    for unit in ("B", "kB", "MB"):
        if size < 1000:
            return f"{size:.0f} {unit}" if unit == "B" else f"{size:.1f} {unit}"
        size /= 1000
    return f"{size:.1f} GB"


def _show(config: ArtifactsConfig, store: Store) -> None:
    chosen = _chosen(config, store)
    if config.json:
        print(json_text([dataclasses.asdict(one.manifest) for one in chosen], indent=1))
        return
    for one in chosen:
        print("\n".join(map(printable, _page(one))))


def _page(artifact: Artifact) -> Iterator[str]:
    manifest, provenance = artifact.manifest, artifact.manifest.provenance
    yield f"{artifact.label}: {manifest.summary.get('headline', '')}"
    yield f"  path      {artifact.path}"
    yield f"  stage     {manifest.stage}, version {manifest.recipe.get('version')}, {manifest.seconds:.1f} s"
    yield f"  made by   {' '.join(f'{key}={value}' for key, value in provenance.items() if isinstance(value, str))}"
    yield from (f"  input     {role}: {entry.get('fingerprint', entry.get('digest', ''))}"
                for role, entry in sorted(manifest.inputs.items()))
    yield from (f"  setting   {where} = {value}" for where, value in _leaves(manifest.recipe.get("config", {})))
    yield from (f"  file      {name} ({human(file['size'])})" for name, file in sorted(manifest.files.items()))


def _leaves(value: Any, where: str = "") -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict) and value:
        for key, inner in value.items():
            yield from _leaves(inner, f"{where}.{key}" if where else key)
    else:
        yield where, value


def _lineage(config: ArtifactsConfig, store: Store) -> None:
    for one in _chosen(config, store):
        print(printable(one.label))
        for depth, role, source in store.lineage(one):
            print(printable(
                f"{'  ' * depth}{role}: {source.label if isinstance(source, Artifact) else _outside(source)}"))


def _outside(entry: dict[str, str]) -> str:
    return f"{entry['fingerprint'][:12]} (not in this store)" if "fingerprint" in entry else entry.get("digest", "")


def _diff(config: ArtifactsConfig, store: Store) -> None:
    if len(config.ids) != 2:
        raise ConfigError("jpt artifacts diff takes two ids")
    first, second = map(store.resolve, config.ids)
    lines = [f"{where.removeprefix('config.')}: {old} → {new}"
             for where, old, new in differences(first.manifest.recipe, second.manifest.recipe)]
    print("\n".join(map(printable, lines or ["no difference"])))


def _verify(config: ArtifactsConfig, store: Store) -> None:
    damaged = False
    for folder in _located(config, store) if config.ids else store.folders(config.kind):
        problems = _problems(folder, store)
        damaged = damaged or bool(problems)
        print(printable(f"{folder.parent.name}/{folder.name}: {'; '.join(problems) or 'ok'}"))
    if damaged:
        raise SystemExit(1)


def _problems(folder: Path, store: Store) -> list[str]:
    try:
        return store.verify(store.open(folder))
    except ArtifactError as error:
        return [str(error)]


def _rm(config: ArtifactsConfig, store: Store) -> None:
    waiting = []
    for folder in _located(config, store):
        try:
            waiting.append(store.open(folder))
        except ArtifactError:
            if folder.absolute().parent.parent != store.artifacts.absolute():  # a manifest.json of something else
                raise
            store.delete(folder)
            print(f"removed {folder.parent.name}/{folder.name} (its manifest was damaged)")
    for one in store.remove_all(waiting):
        print(f"removed {one.label}")


def _push(config: ArtifactsConfig, store: Store) -> None:
    for one in _chosen(config, store):
        hub = _remote(config).startswith("hf:")
        print(f"pushed {push_to_hub(one, config.remote) if hub else store.copy(one, Path(config.remote))}")


def _pull(config: ArtifactsConfig, store: Store) -> None:
    if not config.ids:
        raise ConfigError("jpt artifacts pull needs at least one id")
    for reference in config.ids:
        if _remote(config).startswith("hf:"):
            path = pull_from_hub(reference, config.remote, store)
        else:
            other = Store(config.remote)
            path = other.copy(other.resolve(reference), store.outputs)
        print(f"artifact: {path}")


def _remote(config: ArtifactsConfig) -> str:
    if not config.remote:
        raise ConfigError(f"jpt artifacts {config.action} needs remote=FOLDER or remote=hf:org/name")
    return config.remote


def _chosen(config: ArtifactsConfig, store: Store) -> list[Artifact]:
    return list({found.id: found for found in map(store.open, _located(config, store))}.values())


def _located(config: ArtifactsConfig, store: Store) -> list[Path]:
    if not config.ids:
        raise ConfigError(f"jpt artifacts {config.action} needs at least one id; `jpt artifacts ls` lists them")
    folders = list(store.folders())
    return list(dict.fromkeys(store.locate(one, folders=folders) for one in config.ids))


ACTIONS: dict[str, Callable[[ArtifactsConfig, Store], None]] = {
    "ls": _ls, "show": _show, "lineage": _lineage, "diff": _diff, "verify": _verify, "rm": _rm, "push": _push,
    "pull": _pull,
}
