"""jptransfer: reproducible transfer-learning experiments for Japanese text."""

__version__ = "0.1.0"
