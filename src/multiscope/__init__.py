"""Multi-defect image restoration in, multi-scale protein representations out."""

from importlib.metadata import version

__version__ = version("multiscope")
