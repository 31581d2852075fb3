"""Shapes of cells: where the outline, the nucleus and the vacuole are, for many cells at once."""
