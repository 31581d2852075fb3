"""Readers of what people have: every format becomes the same thing, found by its metadata and bounded in size."""
