"""What pip installs this package from, by what installers leave (PEP 610)."""

from __future__ import annotations

import json
from types import SimpleNamespace

import pytest

from multiscope import origin as module
from multiscope.origin import origin

CASES = [
    ({"url": "file:///a/my%20checkout", "dir_info": {"editable": True}}, "/a/my checkout"),
    ({"url": "file:///a/checkout", "dir_info": {}}, "/a/checkout"),
    ({"url": "file:///a/m-1.0-py3-none-any.whl", "archive_info": {}}, "file:///a/m-1.0-py3-none-any.whl"),
    ({"url": "https://h/m.git", "vcs_info": {"vcs": "git", "commit_id": "12ab"}}, "git+https://h/m.git@12ab"),
    (None, "multiscope==1.2"),
]


@pytest.mark.parametrize(("direct_url", "expected"), CASES)
def test_origin(direct_url: dict[str, object] | None, expected: str, monkeypatch: pytest.MonkeyPatch) -> None:
    text = None if direct_url is None else json.dumps(direct_url)
    installed = SimpleNamespace(version="1.2", read_text={"direct_url.json": text}.get)
    monkeypatch.setattr(module, "distribution", {"multiscope": installed}.get)
    assert origin() == expected
