"""Lengths as files give them, in micrometres."""

from __future__ import annotations

import math

_MICROMETRES = {
    "pm": 1e-6, "picometer": 1e-6, "picometre": 1e-6,
    "å": 1e-4, "angstrom": 1e-4,
    "nm": 1e-3, "nanometer": 1e-3, "nanometre": 1e-3,
    "um": 1.0, "µm": 1.0, "μm": 1.0, "\\u00b5m": 1.0, "micron": 1.0, "microns": 1.0, "micrometer": 1.0,
    "micrometers": 1.0, "micrometre": 1.0, "micrometres": 1.0,
    "mm": 1e3, "millimeter": 1e3, "millimetre": 1e3,
    "cm": 1e4, "centimeter": 1e4, "centimetre": 1e4,
    "m": 1e6, "meter": 1e6, "metre": 1e6,
    "in": 25400.0, "inch": 25400.0, "inches": 25400.0, "thou": 25.4,
}  # fmt: skip
_PRINTED_DPI = (72, 75, 90, 96, 100, 120, 144, 150, 180, 200, 220, 240, 266, 300, 350, 360, 400, 600, 720, 1200, 2400)


def micrometres(value: float, unit: str) -> float | None:
    """`value` of `unit` in micrometres; None for an unknown unit and for what is no length."""
    factor = _MICROMETRES.get(unit.strip().lower())
    if factor is None or not math.isfinite(value) or value <= 0:
        return None
    return value * factor


def plausible_pixel(um: float | None) -> float | None:
    """The pixel size `um` that a resolution for printers gives, unless it is one: 0.01 to 100 um, no usual dpi."""
    if um is None or not 0.01 <= um <= 100:
        return None
    dpi = 25400 / um
    return None if any(abs(dpi - usual) < 0.01 * usual / 100 for usual in _PRINTED_DPI) else um
