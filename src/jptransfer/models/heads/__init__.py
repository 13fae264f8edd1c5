"""Task heads on encoders. Each head has a module here, and a light module with its settings and registry row."""
