"""Running text: reading, cleaning, de-duplicating, sampling and splitting it as a stream."""
