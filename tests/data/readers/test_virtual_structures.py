"""Virtual structures as a data set: fields without proteins, sections of a volume together, defects of their own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from multiscope import config
from multiscope.config import VirtualStructures
from multiscope.data.readers.virtual_structures import VirtualStructuresReader
from multiscope.data.stage import run
from multiscope.errors import InputError
from multiscope.folders import manifest
from multiscope.simulate.structures.field import field
from multiscope.stores.fields import channel_names, read_field


def structures(structure: str, **values: Any) -> VirtualStructures:
    return VirtualStructures.model_validate({"reader": "virtual_structures", "structure": structure, **values})


def test_images_are_fields_without_proteins_or_labels() -> None:
    settings = structures("tubules", n_images=12, image_size=32)
    reader = VirtualStructuresReader(settings)
    assert reader.fields["field_id"].tolist() == [f"tubules_{number:04d}" for number in range(1, 13)]
    assert reader.fields["stack"].tolist() == reader.fields["field_id"].tolist()
    assert set(reader.fields["protein"]) == {""} and reader.proteins["protein"].tolist() == [""]
    assert reader.channels == ["tubules"] and reader.inputs == {}
    assert reader.pixel_size == (None, 0.05, 0.05)
    pixels = reader.read(7)
    np.testing.assert_array_equal(pixels.image, field(settings, 7))
    assert pixels.labels is None and not pixels.degraded
    assert pixels.where == "virtual tubules: tubules_0008"


def test_sections_of_a_volume_share_a_stack() -> None:
    reader = VirtualStructuresReader(structures("nuclei", n_images=10))
    assert reader.fields["stack"].tolist() == [f"volume_000{number // 4 + 1}" for number in range(10)]
    assert reader.fields["field_id"].is_unique


def test_what_is_left_out_is_as_usual_for_the_structure() -> None:
    tubules, granules, nuclei = (structures(name) for name in ("tubules", "granules", "nuclei"))
    assert [list(made.defects) for made in (tubules, granules, nuclei)] == [["blur"], ["blur"], ["axial"]]
    assert [made.split.by for made in (tubules, granules, nuclei)] == ["field", "field", "stack"]
    assert [made.density for made in (tubules, granules, nuclei)] == [20, 150, 2]
    assert nuclei.pixel_size_um == 0.25 and nuclei.sections_per_volume == 4
    assert structures("nuclei", split={"train": 0.6}).split == config.Split(by="stack", train=0.6)
    assert structures("nuclei", defects={"noise": {}}).defect_names == ["noise"]
    for made in (tubules, granules, nuclei):
        assert config.data_section_from(config.as_json(made), dataset="x") == made


@pytest.mark.parametrize("structure", ["tubules", "granules", "nuclei"])
def test_the_data_stage_makes_clean_and_degraded_images(structure: str, tmp_path: Path) -> None:
    settings = structures(structure, n_images=9, image_size=64, seed=3)
    out = tmp_path / "data"
    run(out=out, dataset="x", config=settings)
    described, fields = manifest.verify(out, full=True), pd.read_parquet(out / "fields.parquet")
    assert described["seed"] == 3 and described["notes"]["dtype"] == "uint16"
    assert described["notes"]["warnings"] == [] and described["notes"]["leaks"] == []
    assert described["notes"]["pixel_size_um"] == settings.pixel_size_um
    assert set(fields["split"]) == {"train", "val", "test"}
    assert (fields.groupby("stack")["split"].nunique() == 1).all()
    (defect,) = settings.defect_names
    for number, row in enumerate(fields.itertuples()):
        clean = read_field(out / "clean.zarr" / str(row.path))
        degraded = read_field(out / "degraded.zarr" / defect / str(row.path))
        np.testing.assert_array_equal(clean, field(settings, number))
        assert degraded.shape == clean.shape == (1, 64, 64) and degraded.dtype == clean.dtype
        assert (degraded != clean).any()
        assert channel_names(out / "clean.zarr" / str(row.path)) == [structure]


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({"structure": "tubes"}, "structure: Input should be 'tubules', 'granules' or 'nuclei' (is 'tubes')"),
        ({"structure": ["nuclei"]}, "structure: Input should be 'tubules', 'granules' or 'nuclei'"),
        ({}, "structure: is missing; add it"),
        ({"structure": "nuclei", "n_image": 9}, "unknown key 'n_image'; did you mean 'n_images'?"),
        (
            {"structure": "nuclei", "defects": {"axail": {}}},
            "defects: 'axail' is no forward model; name it by one (noise, axial, blur, ",
        ),
        ({"structure": "nuclei", "pixel_size_um": 0.05}, "0.05 shows nothing of nuclei; expected 0.1 to 0.5"),
        ({"structure": "tubules", "pixel_size_um": 0.2}, "0.2 shows nothing of tubules; expected 0.02 to 0.1"),
        ({"structure": "tubules", "density": 201}, "density: 201 is too much for tubules"),
        ({"structure": "nuclei", "density": 3}, "in 32 x 32 micrometres; expected at most 2.5"),
        (
            {"structure": "nuclei", "image_size": 1024, "pixel_size_um": 0.5, "sections_per_volume": 8},
            "density: 2 is too much for nuclei in 512 x 512 micrometres; expected at most 1.19",
        ),
        ({"structure": "granules", "sections_per_volume": 2}, "granules are drawn in planes, not in volumes"),
        (
            {"structure": "nuclei", "split": {"by": "field"}},
            "deals sections of one volume to two sides; expected stack",
        ),
        ({"structure": "nuclei", "split": {"by": "well"}}, "'well' is not known here; expected field or stack"),
        ({"structure": "nuclei", "n_images": 8}, "8 sections of 2 volumes; expected at least 3 volumes"),
        ({"structure": "tubules", "n_images": 3000, "image_size": 1024}, "are more than 4 GiB; expected at most 2048"),
        ({"structure": "tubules", "n_images": 2}, "n_images: Input should be greater than or equal to 3"),
        ({"structure": "tubules", "image_size": 10**9}, "image_size: Input should be less than or equal to 1024"),
        ({"structure": "tubules", "density": None}, "density: Input should be a valid number"),
    ],
)
def test_a_bad_configuration_ends_in_one_line(values: dict[str, Any], expected: str) -> None:
    whole = {"data": {"x": {"reader": "virtual_structures", **values}}}
    with pytest.raises(InputError) as caught:
        config.parse_config(whole, "config.yaml")
    message = str(caught.value)
    assert expected in message and message.startswith("config.yaml: data.x")
    assert "\n" not in message


def test_sections_may_be_dealt_one_by_one_where_that_is_wanted() -> None:
    assert structures("nuclei", sections_per_volume=1, n_images=3, split={"by": "field"}).split.by == "field"
    assert structures("nuclei", split={"by": "field", "near_duplicates": "warn"}).split.by == "field"


def test_they_cannot_be_used_where_localization_is_asked_for() -> None:
    whole = {
        "data": {"x": {"reader": "virtual_structures", "structure": "nuclei"}},
        "segment": {"data": "x", "channel": "nuclei"},
        "crop": {"data": "x"},
        "localize": {"data": "x", "encoders": {"net": {"model": "deeploc"}}},
    }
    with pytest.raises(InputError, match="data set 'x' has no 'localization'"):
        config.parse_config(whole, "config.yaml")
