"""What the images of a data set look like, noted while they are written."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from multiscope.images.image import ImageInfo
from multiscope.quality.consistency import Consistency
from multiscope.quality.look import Look, look_at
from multiscope.quality.summary import Quality, ordered

Array = npt.NDArray[Any]


class QualityCheck:
    """Gathers the table `quality.parquet` and the manifest's `warnings`, image by image.

    `add(name, image)`; or, where several threads write, `look` in the threads and `gather` in the order of the table.
    """

    def __init__(self, channels: Sequence[str], *, fields: bool = True) -> None:
        """`fields`: whole fields of view; False for crops, whose background tells nothing of the illumination."""
        self._channels = list(channels)
        self._quality = Quality(fields=fields)
        self._consistency = Consistency()

    def look(self, name: str, image: Array) -> Look:
        """Look at an image (C, Y, X) or (C, Z, Y, X); changes nothing, so threads may call it."""
        return look_at(name, [image], channels=self._channels)

    def gather(self, look: Look, info: ImageInfo | None = None) -> None:
        """Take in a look; `info` tells what only the file can, such as JPEG. One thread, in the order of the table."""
        self._quality.add(look)
        if info is not None:
            self._consistency.add(info)

    def add(self, field_id: str, image: Array, info: ImageInfo | None = None) -> None:
        """Look at an image and take it in."""
        self.gather(self.look(field_id, image), info)

    def table(self) -> pd.DataFrame:
        """One row an image and channel: field_id, channel, min, max, mean, std, percentiles, shares at both ends."""
        table = pd.DataFrame(self._quality.rows).rename(columns={"name": "field_id"})
        whole = {"n_pixels": np.int64}
        return table.astype({name: kind for name, kind in whole.items() if name in table})

    def warnings(self) -> list[dict[str, Any]]:
        """`{code, level, text, n, examples}` of all that a user should know, for the manifest."""
        return [told.as_json() for told in ordered([*self._quality.notices(), *self._consistency.notices()])]
