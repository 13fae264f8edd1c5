"""Suites: a paper's tables and figures as grids of runs, planned, built and set beside what the paper reports."""
