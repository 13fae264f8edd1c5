"""What a task is: examples, labels, how they become targets of a model, and how its scores become predictions."""
