"""How task models are trained: an encoder with a head, a linear model on n-grams, fastText."""
