"""Points of light on the pixels of an image: how thin structures are drawn, wherever they lie between the pixels."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.ndimage import gaussian_filter

FloatArray = npt.NDArray[np.float64]

PSF_UM = 0.045
"""Standard deviation of the in-focus point spread function of the clean image (micrometres): 0.1 across at half height,
as a super-resolved or deconvolved image has it."""
MARGIN_UM = 0.4
"""How far outside the image a point still lights its pixels, and so is drawn (micrometres)."""


def light_of(places: FloatArray, amounts: FloatArray, *, size: int, pixel_size_um: float) -> FloatArray:
    """What points of light look like in focus: (size, size), light a square micrometre.

    Each point is shared out among the four pixels around it by its distance to them (linear, so that it may lie
    anywhere), then all are convolved with the point spread function. Pixel (y, x) is centred at (y, x) times its size.

    Args:
        places: (n, 2) as y, x in micrometres; points outside the image light what they reach of it.
        amounts: (n,), at least 0.
        size: height and width in pixels.
        pixel_size_um: size of a pixel.
    """
    margin = int(np.ceil(MARGIN_UM / pixel_size_um))
    width = size + 2 * margin
    at = places / pixel_size_um + margin
    inside = ((at >= 0) & (at < width - 1)).all(axis=1)
    at, amounts = at[inside], amounts[inside]
    corner = np.floor(at).astype(np.intp)
    share = at - corner
    light = np.zeros(width * width)
    for down in (0, 1):
        for across in (0, 1):
            near = np.abs(1 - down - share[:, 0]) * np.abs(1 - across - share[:, 1])
            pixel = (corner[:, 0] + down) * width + corner[:, 1] + across
            light += np.bincount(pixel, amounts * near, minlength=width * width)
    focused = gaussian_filter(light.reshape(width, width), PSF_UM / pixel_size_um)
    return np.asarray(focused[margin:-margin, margin:-margin] / pixel_size_um**2)
