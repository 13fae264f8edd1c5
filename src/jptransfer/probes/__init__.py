"""What frozen models are examined for: one file a probe, and its settings beside it."""
