"""Searches with Optuna: studies that resume, average seeds and prune. Hydra's sweeper `optuna` is an adapter to it."""
