"""Restoration of several defects by one network, scored on held-out fields."""

STAGE_VERSION = 2
