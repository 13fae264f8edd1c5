"""Language models by name, the one encoder interface, and the one door to pre-trained weights."""
