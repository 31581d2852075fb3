"""Restoration over amounts of data: every method on every mix of pairs, on the same splits and budget."""

STAGE_VERSION = 1
