"""Sides of cells: which of them encoders learn from, and which they are scored on."""

STAGE_VERSION = 1
