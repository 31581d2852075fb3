"""The report: one page that opens from disk, its figures, and the data behind each figure."""

STAGE_VERSION = 5
