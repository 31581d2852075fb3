"""What is generated must be what the code says: `make docs` writes it anew."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import jsonschema
import pytest
import yaml

from multiscope import docs

ROOT = Path(__file__).parent.parent


def test_the_schema_has_not_drifted() -> None:
    assert (ROOT / docs.SCHEMA).read_text(encoding="utf-8") == docs.schema()


def test_the_page_has_not_drifted() -> None:
    assert (ROOT / docs.PAGE).read_text(encoding="utf-8") == docs.page()


def test_the_picture_of_the_rules_has_not_drifted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    text = (ROOT / docs.README).read_text(encoding="utf-8")
    assert docs.readme(text) == text


def test_the_schema_takes_the_default_and_refuses_a_typo() -> None:
    schema = yaml.safe_load(docs.schema())
    values = yaml.safe_load((ROOT / "config.yaml").read_text(encoding="utf-8"))
    jsonschema.validate(values, schema)
    values["augmnt"] = {}
    assert not jsonschema.Draft202012Validator(schema).is_valid(values)
