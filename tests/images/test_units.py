"""Lengths of files, in micrometres."""

from __future__ import annotations

import pytest

from multiscope.images.units import micrometres, plausible_pixel


@pytest.mark.parametrize(
    ("value", "unit", "um"),
    [
        (2, "nm", 0.002), (2, "µm", 2), (2, "\u03bcm", 2), (2, "micron", 2), (2, "MM", 2000), (1, "inch", 25400),
        (5, "Å", 0.0005), (5, " um ", 5), (2, "pixel", None), (2, "", None), (2, "reference frame", None),
        (0, "um", None), (-1, "um", None), (float("nan"), "um", None), (float("inf"), "um", None),
    ],
)  # fmt: skip
def test_micrometres(value: float, unit: str, um: float | None) -> None:
    assert micrometres(value, unit) == (None if um is None else pytest.approx(um))


@pytest.mark.parametrize("dpi", [72, 96, 150, 300, 600, 1200])
def test_a_printers_resolution_is_no_pixel_size(dpi: int) -> None:
    assert plausible_pixel(25400 / dpi) is None


@pytest.mark.parametrize(("um", "kept"), [(0.1, True), (1, True), (99, True), (0.001, False), (101, False), (0, False)])
def test_plausible_sizes(um: float, kept: bool) -> None:
    assert plausible_pixel(um) == (um if kept else None)
