"""A Hydra sweeper over the product of all choices, as Hydra's own, whose jobs start at once however many there are."""
