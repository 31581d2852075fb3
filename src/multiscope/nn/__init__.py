"""Building blocks and networks, one idea a module."""
