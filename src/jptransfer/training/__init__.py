"""The one training loop, its objectives, batching, optimisers, schedules, and the processes it runs in."""
