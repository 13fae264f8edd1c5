"""Layer groups, copying of weights between models, and vocabulary alignment."""
