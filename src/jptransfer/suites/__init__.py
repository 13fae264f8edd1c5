"""Suites: a paper's tables and figures as grids of runs, which are planned, built and compared with the paper."""
