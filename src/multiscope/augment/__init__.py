"""Training pairs for restoration: a generator that makes each defect, and the mix of real and synthetic pairs."""

STAGE_VERSION = 3
