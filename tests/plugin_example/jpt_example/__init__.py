"""Additions to jptransfer from outside, a file each; importing this registers them."""

from jpt_example import encoder, head, kind, metric, reader  # noqa: F401
