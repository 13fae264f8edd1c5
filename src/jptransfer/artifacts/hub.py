"""Artifacts in a repository of the Hugging Face hub, laid out as in an outputs folder."""

from __future__ import annotations

import glob
import tempfile
from pathlib import Path

from jptransfer.artifacts.exchange import check_transferable
from jptransfer.artifacts.manifest import FILE
from jptransfer.artifacts.store import Artifact, Store
from jptransfer.errors import ArtifactError, reason
from jptransfer.hub import split_reference


def push_to_hub(artifact: Artifact, remote: str) -> str:
    """Upload an artifact to ``hf:org/name`` (made, private, if it is not there); return where it lies.

    Raises:
        ArtifactError: the hub can't be reached or refuses.
    """
    from huggingface_hub import HfApi

    check_transferable(artifact)
    repository, place = split_reference(remote)[0], f"artifacts/{artifact.label}"
    try:
        api = HfApi()
        api.create_repo(repository, private=True, exist_ok=True)
        api.upload_folder(repo_id=repository, folder_path=artifact.path, path_in_repo=place,
                          allow_patterns=[glob.escape(name) for name in (FILE, *artifact.manifest.files)])
    except Exception as error:
        raise ArtifactError(f"can't push {artifact.label} to {remote}: {reason(error)}") from error
    return f"{remote}/{place}"


def pull_from_hub(reference: str, remote: str, store: Store) -> Path:
    """Download the artifact that `reference` (a short id or folder name) means in ``hf:org/name`` into `store`.

    Raises:
        ArtifactError: the hub can't be reached, there is no such artifact, or it did not arrive whole.
    """
    from huggingface_hub import snapshot_download

    name, revision = split_reference(remote)
    wanted = reference.rsplit("/", 1)[-1]
    patterns = [f"artifacts/*/{wanted}/*", f"artifacts/*/*-{wanted}*/*"]
    with tempfile.TemporaryDirectory() as folder:
        try:
            snapshot_download(name, revision=revision, allow_patterns=patterns, local_dir=folder)
        except Exception as error:
            raise ArtifactError(f"can't pull '{reference}' from {remote}: {reason(error)}") from error
        arrived = Store(folder)
        return arrived.copy(arrived.resolve(reference), store.outputs)
