"""Read, clean, de-duplicate, sample and split running text as a stream."""
