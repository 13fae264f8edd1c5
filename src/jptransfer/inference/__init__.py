"""What a trained model is used for: prediction, the files it writes, attention weights, export to transformers."""
