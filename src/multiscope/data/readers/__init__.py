"""Readers of data sets: somebody's fields or crops, with their tables, in one shape."""
