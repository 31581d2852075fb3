"""What the tests of standards share: reading a file's bytes, and the line it is refused with."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Protocol

import pytest

from multiscope import config
from multiscope.errors import InputError
from multiscope.standards.registry import read_standard
from multiscope.standards.standard import Standard


class Read(Protocol):
    def __call__(self, content: bytes, *, file: str = "s.txt", **keys: Any) -> Standard: ...


@pytest.fixture
def read(tmp_path: Path) -> Read:
    def reading(content: bytes, *, file: str = "s.txt", **keys: Any) -> Standard:
        path = tmp_path / file
        path.write_bytes(content)
        section = config.Standard(path=path, **{"scale": "compartment", **keys})
        return read_standard(path, name="s", section=section)

    return reading


class Refused(Protocol):
    def __call__(self, content: bytes, *, file: str = "s.txt", **keys: Any) -> str: ...


@pytest.fixture
def refused(read: Read) -> Refused:
    def refusing(content: bytes, *, file: str = "s.txt", **keys: Any) -> str:
        with pytest.raises(InputError) as error:
            read(content, file=file, **keys)
        assert "\n" not in str(error.value)
        return str(error.value)

    return refusing
