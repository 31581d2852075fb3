"""The encoders, one module each: what it learns and how."""
