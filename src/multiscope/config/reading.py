"""Reading configurations and their sections from files and from the command line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel

from multiscope.config.data import AnyData, Data
from multiscope.config.encoders import AnyEncoder
from multiscope.config.faults import M, parse
from multiscope.config.localize import Localize
from multiscope.config.run import Config
from multiscope.config.section import Section
from multiscope.config.sweep import SweepPlan
from multiscope.errors import InputError


def load(path: Path) -> Config:
    """Read and check a whole configuration file."""
    return parse_config(read_yaml(path), str(path))


def parse_config(values: object, where: str) -> Config:
    """Check a whole configuration and let its relative paths start from `data_root`."""
    config = parse(Config, values, where)
    rooted = _rooted(config, config.data_root)
    assert isinstance(rooted, Config)
    return rooted.model_copy(update={"data_root": Path()})


def _rooted(value: Any, root: Path) -> Any:
    """`value` with every path in it joined to `root`."""
    if isinstance(value, Path):
        return root / value
    if isinstance(value, dict):
        return {key: _rooted(item, root) for key, item in value.items()}
    if isinstance(value, list):
        return [_rooted(item, root) for item in value]
    if isinstance(value, Section):
        names = type(value).model_fields.keys() - {"data_root"}
        return value.model_copy(update={name: _rooted(getattr(value, name), root) for name in names})
    return value


def as_json(section: BaseModel) -> str:
    """A section as canonical JSON: what a rule passes on its command line, and what fingerprints are made of."""
    return json.dumps(section.model_dump(mode="json"), sort_keys=True, separators=(",", ":"))


def section_from(model: type[M], text: str, *, key: str) -> M:
    """A stage's section from the command line: YAML or JSON text in braces, or the path of a YAML file.

    The file holds the section, or a whole configuration in which it stands under `key`, such as `localize.split`.
    """
    values, where = _values_from(text, *key.split("."))
    return parse(model, values, where)


def config_from(text: str) -> Config:
    """A whole configuration from the command line."""
    return parse_config(*_yaml_from(text))


def data_section_from(text: str, *, dataset: str) -> AnyData:
    """A data set's section from the command line; in a whole configuration the one called `dataset`."""
    values, where = _values_from(text, "data", dataset)
    return parse(_DataSection, {"data": values}, where).data


def encoder_section_from(text: str, *, encoder: str) -> AnyEncoder:
    """An encoder's section from the command line; in a whole configuration the one called `encoder`."""
    values, where = _values_from(text, "localize", "encoders", encoder)
    return parse(_EncoderSection, {"encoder": values}, where).encoder


def section_values(text: str) -> Any:
    """What YAML or JSON text in braces says, or the YAML file that it names."""
    return _yaml_from(text)[0]


def sweep_plan_from(text: str) -> SweepPlan:
    """What a job of a sweep needs, from the command line: its sections alone, or those of a whole configuration."""
    values, where = _yaml_from(text)
    if isinstance(values, dict):
        values = {name: values[name] for name in SweepPlan.model_fields if name in values}
    return parse(SweepPlan, values, where)


class _DataSection(Section):
    data: Data


class _EncoderSection(Section):
    encoder: AnyEncoder


def _yaml_from(text: str) -> tuple[Any, str]:
    """What an option holds, as text in braces or in the file it names, and where that is."""
    if not text.lstrip().startswith("{"):
        return read_yaml(Path(text)), text
    try:
        return yaml.safe_load(text), "--config"
    except (yaml.YAMLError, RecursionError) as error:
        raise InputError(f"--config: is not YAML or JSON: {_what_yaml_says(error)}") from None


def _values_from(text: str, *keys: str) -> tuple[Any, str]:
    values, where = _yaml_from(text)
    # a whole configuration holds its data sets by name, a section has a data set's name there or no such key
    if not isinstance(values, dict) or not isinstance(values.get("data"), dict):
        return values, where
    # this one holds sections with defaults that the workflow takes
    if keys[0] == "localize" and isinstance(values.get("localize"), dict):
        localize = parse(Localize, values["localize"], f"{where}: localize").model_dump(mode="json")
        values = values | {"localize": localize}
    for key in keys:
        if not isinstance(values, dict) or values.get(key) is None:
            raise InputError(f"{where}: has no '{'.'.join(keys)}'; name what is in it, or give the section alone")
        values = values[key]
    return values, f"{where}: {'.'.join(keys)}"


def read_yaml(path: Path) -> Any:
    """A YAML file's content; a missing or malformed file is an `InputError`."""
    try:
        return yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise InputError(f"{path}: no such file; name an existing YAML file") from None
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}); name an existing YAML file") from None
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError) as error:
        raise InputError(f"{path}: is not YAML: {_what_yaml_says(error)}") from None


def _what_yaml_says(error: Exception) -> str:
    text = " ".join(str(error).split())[:300]
    return f"{text}; indent with spaces, not tabs" if "\\t" in text else text
