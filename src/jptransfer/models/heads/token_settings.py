"""Registry row of head `token`, which has no settings of its own."""

from __future__ import annotations

from jptransfer.registry import HEADS

HEADS.add("token", "jptransfer.models.heads.token:TokenHead", "One linear layer on every state of the top layer",
          level="token")
