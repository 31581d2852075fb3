"""Scores of profiles against standards of known biology, and of cells against cells of other fields."""

STAGE_VERSION = 3
