"""The stage `crop`: cut single-cell crops from fields and their label images."""

STAGE_VERSION = 2
"""2: the table holds what was measured of each cell; beside it `dropped.parquet`. The crops are as before."""
