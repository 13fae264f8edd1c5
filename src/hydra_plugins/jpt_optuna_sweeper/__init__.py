"""A Hydra sweeper on Optuna: ``-m hydra/sweeper=optuna``. Studies resume, trials average seeds and can be pruned."""
