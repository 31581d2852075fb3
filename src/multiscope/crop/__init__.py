"""The stage `crop`: cut single-cell crops from fields and their label images."""

STAGE_VERSION = 1
