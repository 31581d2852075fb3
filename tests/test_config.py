from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from multiscope import config
from multiscope.docs import descriptions
from multiscope.errors import InputError

SCREEN = {"reader": "virtual_screen"}
WHOLE: dict[str, Any] = {
    "data": {"a": SCREEN},
    "crop": {"data": "a"},
    "localize": {"data": "a", "encoders": {"net": {"model": "deeploc"}}},
}


def changed(path: str, value: object) -> dict[str, Any]:
    """WHOLE with the key at `path` set."""
    values: dict[str, Any] = yaml.safe_load(yaml.safe_dump(WHOLE))
    *above, last = path.split(".")
    here = values
    for key in above:
        here = here.setdefault(key, {})
    here[last] = value
    return values


@pytest.mark.parametrize(
    ("path", "value", "expected"),
    [
        ("data.a.sede", 1, "config.yaml: data.a.sede: unknown key 'sede'; did you mean 'seed'?"),
        ("dta", {}, "config.yaml: dta: unknown key 'dta'; did you mean 'data'?"),
        (
            "localize.encoders.net.epohcs",
            3,
            "localize.encoders.net.epohcs: unknown key 'epohcs'; did you mean 'epochs'?",
        ),
        (
            "localize.encoders.net.epochs",
            -1,
            "localize.encoders.net.epochs: Input should be greater than or equal to 1",
        ),
        (
            "localize.encoders.net.model",
            "deplock",
            "localize.encoders.net: unknown model 'deplock'; did you mean 'deeploc'?",
        ),
        ("localize.encoders.net.channels", ["cytosl"], "channels: no channel 'cytosl'; did you mean 'cytosol'?"),
        ("crop.size", 48, "crop.size: 48 is too small for the encoders; use 56 or more"),
        ("data.a", {"reader": "crop"}, "data.a: unknown reader 'crop'; did you mean 'crops'?"),
        ("evaluate.min_term_size", 500, "evaluate: min_term_size is above max_term_size"),
        ("localize.data", "b", "localize.data: no data set 'b' (known: a)"),
        ("data.a.split", {"train": 0.9, "val": 0.1}, "data.a.split: train + val must leave a share for the test side"),
        ("seeds", [1, 1], "seeds: each seed may stand once"),
        ("evaluate", {}, "section 'evaluate' needs section 'embed'"),
        ("crop.sources", ["restored:cgan"], "'restored:cgan' is not made by this run"),
        ("localize.train_on", "degraded", "localize.train_on: 'degraded' is not cut; have clean"),
        ("data.b", {"reader": "crops"}, "data.b.path: is missing; add it"),
        ("data.b", {"path": "x"}, "data.b: the key 'reader' is missing; add it"),
        ("data.b", {"reader": "pairs", "pairs": {"noise": "x"}, "max_field": 9}, "did you mean 'max_fields'?"),
        ("localize.encoders.shuffled", {"model": "deeploc"}, "'shuffled' is what a control of `evaluate` is called"),
        ("localize.encoders.net.channels", ["rfp", "rfp"], "net.channels: each may stand once"),
    ],
)
def test_a_fault_is_one_line_with_the_path_of_the_key(path: str, value: object, expected: str) -> None:
    with pytest.raises(InputError) as caught:
        config.parse_config(changed(path, value), "config.yaml")
    message = str(caught.value)
    assert expected in message
    assert "\n" not in message


def test_only_the_sections_in_use_are_needed() -> None:
    parsed = config.parse_config({"data": {"a": SCREEN}}, "x")
    assert config.stages_of(parsed) == ["data", "report"]


def test_the_shipped_configurations_are_valid() -> None:
    root = Path(__file__).parent.parent
    for path in [root / "config.yaml", *sorted((root / "examples").glob("*.yaml"))]:
        config.load(path)


def test_relative_paths_start_from_data_root() -> None:
    values = {"data_root": "/images", "data": {"a": {"reader": "fields", "images": "x", "labels": "/elsewhere"}}}
    data = config.parse_config(values, "x").data["a"]
    assert isinstance(data, config.FieldsFolder)
    assert data.images == Path("/images/x")
    assert data.labels == Path("/elsewhere")


def test_a_resolved_configuration_reads_back_the_same() -> None:
    parsed = config.parse_config(changed("data_root", "/images"), "x")
    assert config.parse_config(yaml.safe_load(config.as_json(parsed)), "x") == parsed


def test_every_key_is_described() -> None:
    def models(model: type[config.Section]) -> set[type[config.Section]]:
        return {model}.union(*(models(sub) for sub in model.__subclasses__()))

    for model in models(config.Section):
        if not model.__name__.startswith("_"):
            assert descriptions(model).keys() >= model.model_fields.keys(), model


@pytest.mark.parametrize("text", ["no-such-file.yaml", "{a: [}", "{reader: virtual_screen, seed: -1}"])
def test_a_bad_section_on_the_command_line_is_one_line(text: str) -> None:
    with pytest.raises(InputError) as caught:
        config.data_section_from(text, dataset="x")
    assert "\n" not in str(caught.value)


def test_a_whole_configuration_has_the_defaults_of_the_workflow_on_the_command_line_too(tmp_path: Path) -> None:
    whole = tmp_path / "config.yaml"
    whole.write_text("{data: {a: {reader: virtual_screen}}, crop: {data: a}, localize: {data: a}}")
    assert config.encoder_section_from(str(whole), encoder="deeploc").model == "deeploc"
    with pytest.raises(InputError, match=r"config.yaml: has no 'localize.encoders.other'; name what is in it"):
        config.encoder_section_from(str(whole), encoder="other")
    with pytest.raises(InputError, match="has no 'segment'"):
        config.section_from(config.Segment, str(whole), key="segment")


def test_a_section_is_found_in_a_whole_configuration_too(tmp_path: Path) -> None:
    whole, alone = tmp_path / "whole.yaml", tmp_path / "alone.yaml"
    whole.write_text(yaml.safe_dump({**WHOLE, "crop": {"data": "a", "size": 72}}))
    alone.write_text(yaml.safe_dump({"data": "a", "size": 72}))
    for path in (whole, alone):
        assert config.section_from(config.Crop, str(path), key="crop").size == 72
    assert config.data_section_from(str(whole), dataset="a").reader == "virtual_screen"
    assert config.encoder_section_from(str(whole), encoder="net").model == "deeploc"
    with pytest.raises(InputError, match=r"whole.yaml: has no 'data.b'; name what is in it"):
        config.data_section_from(str(whole), dataset="b")


def test_the_smallest_crop_is_what_the_networks_take() -> None:
    from multiscope.nn.deeploc import smallest_crop

    assert -(-smallest_crop() // 8) * 8 == config.SMALLEST_CROP


def test_a_unit_that_a_reader_does_not_know_cannot_be_dealt() -> None:
    values = {"data": {"mine": {"reader": "fields", "images": "images", "split": {"by": "cell"}}}}
    with pytest.raises(InputError, match=r"data\.mine: split\.by: 'cell' is not known here; expected field or stack"):
        config.parse_config(values, "config")
