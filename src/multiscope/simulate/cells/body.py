"""What the two morphologies have in common: a body with a nucleus, and perhaps a vacuole and a bud."""

from __future__ import annotations

from typing import Protocol

from torch import Tensor

from multiscope.simulate.cells.geometry import Places


class Body(Protocol):
    """The bodies of B cells. Lengths in micrometres, the origin near the middle of the cell."""

    @property
    def keys(self) -> Tensor:
        """Keys of the cells (B, 2)."""

    @property
    def phase(self) -> Tensor:
        """Phase of the cell cycle (B,), 0 to 1."""

    @property
    def radius(self) -> Tensor:
        """The scale of distances within the cell (B,)."""

    @property
    def nucleus_radius(self) -> Tensor:
        """Half the short axis of the nucleus (B,)."""

    @property
    def has_vacuole(self) -> bool:
        """Whether such cells have one."""

    def depth(self, at: Places) -> Tensor:
        """Distance to the outline, positive inside."""

    def nucleus(self, at: Places) -> Tensor:
        """Distance to the nuclear envelope, positive inside."""

    def vacuole(self, at: Places, *, depth: Tensor, nucleus: Tensor) -> Tensor:
        """Distance to the vacuole's membrane, positive inside; far outside where there is none.

        `depth` and `nucleus` are those of the same places, which it keeps off.
        """

    def nucleus_centre(self) -> tuple[Tensor, Tensor, Tensor]:
        """z, y, x of the (mother's) nucleus, each (B,)."""

    def inside(self, name: str, n: int) -> Places:
        """`n` points (B, n) evenly in the body."""

    def cortex(self, name: str, n: int, inward: Tensor) -> Places:
        """`n` points (B, n) on the outline, moved inward by (B, 1) or (B, n)."""

    def confined(self, at: Places, margin: Tensor) -> Places:
        """Points (B, n), those nearer to the outline than `margin` (B, 1) moved back."""

    def extent(self, direction: Tensor) -> Tensor:
        """How far (B, N) the cell reaches from the origin in the directions (B, N), radians in the plane."""
