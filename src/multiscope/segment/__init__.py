"""The stage `segment`: find cells in the clean fields of a data set that comes without label images."""

STAGE_VERSION = 1
"""Otsu's threshold with watershed; Cellpose and StarDist where they are installed."""
