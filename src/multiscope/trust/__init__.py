"""Trust: what can be said of restored images beside their scores."""

STAGE_VERSION = 1
