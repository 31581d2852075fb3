from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from multiscope.config import Config, load, parse_config
from multiscope.plan.memory import memory_mb

ROOT = Path(__file__).parent.parent.parent
RULES = {
    name
    for path in (ROOT / "workflow" / "rules").glob("*.smk")
    for name in re.findall(r"^rule (\w+):", path.read_text(encoding="utf-8"), flags=re.MULTILINE)
}
CONFIGS = sorted([ROOT / "config.yaml", *(ROOT / "examples").glob("*.yaml")])


def wildcards(config: Config) -> list[dict[str, str]]:
    """Every value that the wildcards of a run can have."""
    methods = list(config.restore.methods) if config.restore else []
    encoders = list(config.localize.encoders) if config.localize else []
    found = [{"dataset": name} for name in config.data]
    return found + [{"method": name} for name in methods] + [{"encoder": name} for name in encoders]


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_every_rule_of_every_example_has_its_memory(path: Path) -> None:
    config = load(path)
    needs = {"data": "dataset", "segment": "dataset", "restore": "method", "sweep": "method", "localize": "encoder"}
    needs["embed"] = "encoder"
    stages = {"pairs": "augment", "restore_scores": "restore", "crop_restored": "crop", "split": "localize"}
    for rule in sorted(RULES):
        if getattr(config, stages.get(rule, rule)) is None:
            continue
        for values in wildcards(config) if rule in needs else [{}]:
            if rule not in needs or needs[rule] in values:
                assert 1000 <= memory_mb(config, rule, values) <= 64_000, (rule, values)


def changed(**keys: Any) -> Config:
    """The default configuration, one key changed."""
    values = yaml.safe_load((ROOT / "config.yaml").read_text(encoding="utf-8"))
    for path, value in keys.items():
        *above, last = path.split("__")
        here = values
        for key in above:
            here = here.setdefault(key, {})
        here[last] = value
    return parse_config(values, "config")


@pytest.mark.parametrize(
    ("rule", "wildcard", "key", "value"),
    [
        ("augment", {}, "augment__cin_gan__width", 64),
        ("augment", {}, "augment__patch_size", 128),
        ("restore", {"method": "cgan"}, "restore__batch_size", 64),
        ("restore", {"method": "care"}, "restore__methods__care__width", 64),
        ("localize", {"encoder": "deeploc"}, "localize__encoders", {"deeploc": {"model": "deeploc", "width": 1.0}}),
        ("localize", {"encoder": "deeploc"}, "crop__size", 128),
        ("embed", {"encoder": "deeploc"}, "crop__size", 128),
        ("crop", {}, "data__screen__field_size", 2048),
    ],
)
def test_memory_grows_with_shapes(rule: str, wildcard: dict[str, str], key: str, value: object) -> None:
    assert memory_mb(changed(**{key: value}), rule, wildcard) > memory_mb(changed(), rule, wildcard)


def test_a_gaussian_filter_takes_less_than_a_network() -> None:
    assert memory_mb(changed(), "restore", {"method": "gaussian"}) < memory_mb(changed(), "restore", {"method": "cgan"})
