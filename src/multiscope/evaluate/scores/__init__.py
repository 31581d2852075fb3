"""Scores of profiles, one module each: plain functions of arrays, names and standards."""
