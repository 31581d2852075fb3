"""Encoders trained on single-cell crops."""

STAGE_VERSION = 3
