"""The section `defects`: models by name or by key, and what is said of a wrong one."""

from __future__ import annotations

from typing import Any

import pytest

from multiscope.config import (
    MODELS,
    Blur,
    Config,
    Mixture,
    Noise,
    PairArrays,
    VirtualStructures,
    defect_from,
    parse,
)
from multiscope.errors import InputError


def read(defects: Any) -> dict[str, Any]:
    values = {"reader": "virtual_structures", "structure": "tubules", "defects": defects}
    return parse(VirtualStructures, values, "run.yaml").defects


def test_the_name_of_a_model_says_which_it_is() -> None:
    for name in MODELS:
        values = {"parts": [{"model": "noise"}]} if name == "mixture" else {}
        assert read({name: values})[name].model == name
    assert read({"noise": {"strength": 0.5}}) == {"noise": Noise(strength=0.5)}


def test_a_free_name_takes_the_key_model() -> None:
    made = read({"dim": {"model": "noise", "photons": 5}, "noise": {"model": "blur"}})
    assert made == {"dim": Noise(photons=5), "noise": Blur()}
    parts = [{"model": "blur"}, {"model": "noise", "strength": 2}]
    assert read({"both": {"model": "mixture", "parts": parts}})["both"] == Mixture(parts=[Blur(), Noise(strength=2)])


def test_what_is_noted_is_read_back() -> None:
    for defect in (Noise(photons=3), Mixture(parts=[Blur(), Noise()])):
        assert defect_from(defect.model_dump(mode="json"), "manifest.json") == defect
    with pytest.raises(InputError, match=r"manifest\.json: defect: unknown model 'fog'"):
        defect_from({"model": "fog"}, "manifest.json")


@pytest.mark.parametrize(
    ("defects", "said"),
    [
        (
            {"fog": {}},
            f"defects: 'fog' is no forward model; name it by one ({', '.join(MODELS)}), or add the key model",
        ),
        ({"x": {"model": "nois"}}, "defects.x: unknown model 'nois'; did you mean 'noise'?"),
        ({"noise": {"strenght": 2}}, "defects.noise.strenght: unknown key 'strenght'; did you mean 'strength'?"),
        ({"noise": {"haze_share": 0.1}}, "defects.noise.haze_share: unknown key 'haze_share' (known:"),
        ({"noise": {"photons": 0}}, "defects.noise.photons: Input should be greater than 0 (is 0)"),
        ({"clean": {"model": "noise"}}, "defects.clean: is what images without a defect are called"),
        ({"a/b": {"model": "noise"}}, "defects.a/b: "),
        ({"mixture": {}}, "defects.mixture.parts: is missing; add it"),
        ({"mixture": {"parts": [{"photons": 3}]}}, "defects.mixture.parts.0: the key 'model' is missing; add it"),
        (
            {"m": {"model": "mixture", "parts": [{"model": "blur"}, {"model": "noise", "photon": 3}]}},
            "defects.m.parts.1.photon: unknown key 'photon'; did you mean 'photons'?",
        ),
        ({"m": {"model": "mixture", "parts": [{"model": "mixture", "parts": []}]}}, "parts.0: unknown model 'mixture'"),
    ],
)
def test_a_fault_is_one_line(defects: Any, said: str) -> None:
    with pytest.raises(InputError) as fault:
        read(defects)
    assert said in str(fault.value) and "\n" not in str(fault.value)


def test_real_pairs_have_free_names() -> None:
    pairs = parse(PairArrays, {"reader": "pairs", "pairs": {"widefield-2": "a.npz"}}, "run.yaml")
    assert pairs.defect_names == ["widefield-2"]
    with pytest.raises(InputError, match=r"pairs\.clean: is what images without a defect are called"):
        parse(PairArrays, {"reader": "pairs", "pairs": {"clean": "a.npz"}}, "run.yaml")


def test_the_schema_takes_entries_without_their_model() -> None:
    schema = Config.model_json_schema()
    (entry,) = schema["$defs"]["VirtualStructures"]["properties"]["defects"]["patternProperties"].values()
    assert "oneOf" not in entry and len(entry["anyOf"]) == len(MODELS)
    assert "model" not in schema["$defs"]["Noise"].get("required", [])
