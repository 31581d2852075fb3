"""How a protein of each compartment looks: one function a compartment, one line in the registry."""
