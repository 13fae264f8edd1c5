"""The stages, one a file: each describes itself in its `STAGE` (see `jptransfer.pipeline.stage`)."""
