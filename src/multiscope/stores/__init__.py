"""Zarr stores: OME-Zarr fields, sample stores with their table, AnnData tables."""
