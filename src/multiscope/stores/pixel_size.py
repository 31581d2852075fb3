"""The size of a pixel."""

from __future__ import annotations

from typing import NamedTuple


class PixelSize(NamedTuple):
    """Size of a pixel, or distance of planes, in micrometres; None where it is not known."""

    z: float | None = None
    y: float | None = None
    x: float | None = None

    @property
    def plane_um(self) -> float | None:
        """The size within a plane, where it is known and the same in both directions (to 1 in 1000)."""
        if self.y is None or self.x is None or abs(self.y - self.x) > 1e-3 * self.x:
            return None
        return self.x
