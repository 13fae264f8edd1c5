"""What is carried from one model to another, and how fast each part may change."""
