"""Text processing: normalisation, segmentation, romanisation, tokenizers, encoded corpora."""
