"""Bytes of files from elsewhere."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from multiscope.errors import InputError
from multiscope.images.bounded import read_bounded


def refused(path: Path, match: str) -> None:
    with pytest.raises(InputError, match=match) as caught:
        read_bounded(path, limit=10, where="a.txt", instead="cut it")
    assert str(caught.value).startswith("a.txt: ")


def test_content_up_to_the_limit(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"0123456789")
    for source in (path, b"0123456789", lambda: b"0123456789"):
        assert read_bounded(source, limit=10, where="a", instead="") == b"0123456789"
    path.write_bytes(b"0123456789a")
    refused(path, "is larger than 10 bytes, the most that is read; cut it")


def test_what_is_no_file_is_refused_and_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    refused(tmp_path / "pipe", "cannot be read .it is no plain file")
    refused(tmp_path, "cannot be read .it is no plain file")
    refused(tmp_path / "none", "cannot be read .No such file")
