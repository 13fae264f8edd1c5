"""The encoders of this project: one file each, made from a configuration."""
