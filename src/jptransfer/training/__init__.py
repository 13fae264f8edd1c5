"""The one training loop: batching, optimizers, schedules, phases, checkpoints, and the processes it runs in."""
