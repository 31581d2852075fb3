"""The table of what is read, in docs/formats.md, and what it promises."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from benchmarks import formats
from multiscope.images.open import open_images

ROOT = Path(__file__).parents[2]


def test_the_table_is_what_is_read(real_data: Path) -> None:
    page = (ROOT / "docs" / "formats.md").read_text(encoding="utf-8")
    assert page == formats.page(real_data), "run python benchmarks/formats.py DATA"


def test_every_tool_wrote_the_same_image(real_data: Path) -> None:
    with open_images(real_data / "ome_written_by_tools") as images:
        found = list(images)
    assert len(found) == 16
    for image in found:
        pixels = image.read()
        assert pixels.shape == (3, 1, 256, 256)
        assert (pixels.min(), pixels.max(), round(float(pixels.mean()), 2)) == (106, 4326, 411.89), image.info.name


def test_every_neubias_file_is_read(real_data: Path) -> None:
    with open_images(real_data / "neubias") as images:
        found = {image.info.name: image for image in images}
    assert len(found) == 30
    assert images.refused.keys() == {"README.md", "LICENSE.CC-BY-4.0.md"}
    assert found["xyzc_16bit__dna_conf_wf.tif"].info.shape == (1, 2, 45, 130, 133)
    assert np.isclose(found["xyzc_16bit__dna_conf_wf.tif"].info.pixel_size.z or 0, 0.4994, atol=1e-4)
    assert found["xy_16bit__scanR_datatype_issue.tif"].read().min() == 32963
