"""Labelled data sets: one reader a format, then one way to labels, splits and statistics for all of them."""
