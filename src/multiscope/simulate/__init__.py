"""Generated micrographs of known biology, and forward models of the imaging defects."""
