"""Embeddings of cells and profiles of proteins."""

STAGE_VERSION = 2
