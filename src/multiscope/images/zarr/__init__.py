"""What OME-Zarr is made of: metadata, arrays of both formats, pyramids."""
