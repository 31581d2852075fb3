"""TIFF in its kinds: plain, ImageJ, OME."""
