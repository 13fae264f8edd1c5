"""Objectives of language models: masked, causal and bidirectional; their data and their losses."""
