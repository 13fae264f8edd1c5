"""Content-addressed artifacts: identity (fingerprint), what is known of one (manifest), where they are (store)."""

from jptransfer.artifacts.fingerprint import canonical, canonical_json, externals, fingerprint
from jptransfer.artifacts.manifest import Manifest
from jptransfer.artifacts.store import Artifact, Store

__all__ = ["Artifact", "Manifest", "Store", "canonical", "canonical_json", "externals", "fingerprint"]
