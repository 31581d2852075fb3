"""Classic features of single-cell images: measured by formulas, not learned, as CellProfiler's are."""
