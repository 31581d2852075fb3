"""The restorers that are compared: one module a method, `registry.py` names them."""
