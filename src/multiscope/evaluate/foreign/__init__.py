"""Profiles as other tools write them: AnnData, Parquet or CSV with a column of gene names."""

from multiscope.evaluate.foreign.table import check_directions, check_name, check_values, read_table

__all__ = ["read_table", "check_values", "check_directions", "check_name"]
