"""Heads: what is put on an encoder. A head is a module here and, beside it, its settings and registry row."""
