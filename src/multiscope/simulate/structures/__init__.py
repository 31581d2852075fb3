"""Structures that restoration was shown on (Weigert et al. 2018, Nat. Methods 15:1090), drawn clean."""
