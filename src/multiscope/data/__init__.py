"""The stage `data`: read what people have, or generate it, into checked stores of fields or crops."""

STAGE_VERSION = 3
