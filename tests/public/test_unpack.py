"""Archives: what is plain is unpacked, what is hostile is one line."""

from __future__ import annotations

import gzip
import io
import stat
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Literal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from multiscope.errors import InputError
from multiscope.public import unpack as module
from multiscope.public.unpack import unpack

Kind = Literal["zip", "tar"]
CONTENT = {"a.txt": b"one", "b/c.bin": bytes(range(256)) * 9000, "./b/empty": b""}


def make_zip(path: Path, content: dict[str, bytes]) -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        for name, data in content.items():
            file.writestr(name, data)


def make_tar(path: Path, content: dict[str, bytes], mode: Literal["w:gz", "w:"] = "w:gz") -> None:
    with tarfile.open(path, mode) as file:
        for name, data in content.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            file.addfile(info, io.BytesIO(data))


def refused(tmp_path: Path, path: Path, kind: Kind, match: str) -> None:
    with pytest.raises(InputError, match=match) as caught:
        unpack(path, tmp_path / "out", kind)
    assert "\n" not in str(caught.value)
    assert str(caught.value).startswith(f"{path}: cannot be unpacked: ")
    outside = {found.name for found in tmp_path.iterdir()} - {"out", path.name}
    assert not outside


@pytest.mark.parametrize("kind", ["zip", "tar", "plain tar"])
def test_what_is_packed_is_unpacked(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "archive"
    if kind == "zip":
        make_zip(path, CONTENT)
    else:
        make_tar(path, CONTENT, "w:gz" if kind == "tar" else "w:")
    unpack(path, tmp_path / "out", "zip" if kind == "zip" else "tar")
    found = {
        file.relative_to(tmp_path / "out").as_posix(): file.read_bytes()
        for file in (tmp_path / "out").rglob("*")
        if file.is_file()
    }
    assert found == {"a.txt": b"one", "b/c.bin": CONTENT["b/c.bin"], "b/empty": b""}


ESCAPES = ["../x", "/x", "a/../../x", "..\\x", "C:/x", "a\nb", "x" * 300, "y/" * 600 + "z", "\u202ea"]


@pytest.mark.parametrize("name", ESCAPES)
@pytest.mark.parametrize(("kind", "make"), [("zip", make_zip), ("tar", make_tar)])
def test_names_that_lead_elsewhere_are_refused(
    tmp_path: Path, kind: Kind, make: Callable[[Path, dict[str, bytes]], None], name: str
) -> None:
    make(tmp_path / "archive", {name: b"1"})
    refused(tmp_path, tmp_path / "archive", kind, "it has a file named")


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.BLKTYPE, tarfile.FIFOTYPE])
def test_links_and_devices_in_a_tar_are_refused(tmp_path: Path, kind: bytes) -> None:
    with tarfile.open(tmp_path / "archive", "w:gz") as file:
        info = tarfile.TarInfo("x")
        info.type, info.linkname = kind, "/etc/passwd"
        file.addfile(info)
    refused(tmp_path, tmp_path / "archive", "tar", "'x' is a link or a device")


@pytest.mark.parametrize("mode", [stat.S_IFLNK, stat.S_IFIFO, stat.S_IFCHR])
def test_links_and_devices_in_a_zip_are_refused(tmp_path: Path, mode: int) -> None:
    info = zipfile.ZipInfo("x")
    info.external_attr = (mode | 0o644) << 16
    with zipfile.ZipFile(tmp_path / "archive", "w") as file:
        file.writestr(info, "/etc/passwd")
    refused(tmp_path, tmp_path / "archive", "zip", "'x' is a link or a device")


@pytest.mark.parametrize(("kind", "make"), [("zip", make_zip), ("tar", make_tar)])
def test_bombs_are_refused(tmp_path: Path, kind: Kind, make: Callable[[Path, dict[str, bytes]], None]) -> None:
    make(tmp_path / "archive", {f"{i}": bytes(2**23) for i in range(9)})
    refused(tmp_path, tmp_path / "archive", kind, "unpacked it is larger than 67108864 bytes")
    assert sum(file.stat().st_size for file in (tmp_path / "out").iterdir()) <= 2**26


@pytest.mark.parametrize(("kind", "make"), [("zip", make_zip), ("tar", make_tar)])
def test_too_many_files_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: Kind, make: Callable[[Path, dict[str, bytes]], None]
) -> None:
    monkeypatch.setattr(module, "_MOST_MEMBERS", 5)
    make(tmp_path / "archive", {f"{i}": b"" for i in range(6)})
    refused(tmp_path, tmp_path / "archive", kind, "it has more than 5 files")


@pytest.mark.parametrize("content", [{"a": b"1", "./a": b"2"}, {"a": b"1", "a/b": b"2"}, {"a/b": b"1", "a": b"2"}])
@pytest.mark.parametrize(("kind", "make"), [("zip", make_zip), ("tar", make_tar)])
def test_names_that_collide_are_refused(
    tmp_path: Path, kind: Kind, make: Callable[[Path, dict[str, bytes]], None], content: dict[str, bytes]
) -> None:
    make(tmp_path / "archive", content)
    refused(tmp_path, tmp_path / "archive", kind, "there twice|exists|directory")


def test_a_tar_header_that_claims_gigabytes_of_names_is_refused(tmp_path: Path) -> None:
    info = tarfile.TarInfo("x")
    info.type, info.size = tarfile.XHDTYPE, 2**33
    with gzip.open(tmp_path / "archive", "wb") as file:
        file.write(info.tobuf(tarfile.GNU_FORMAT) + bytes(2**22))
    refused(tmp_path, tmp_path / "archive", "tar", "it has a header that is too long")


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_members_that_python_unpacks_at_once_are_refused(tmp_path: Path, method: int) -> None:
    with zipfile.ZipFile(tmp_path / "archive", "w", method) as file:
        file.writestr("x", bytes(100))
    refused(tmp_path, tmp_path / "archive", "zip", "'x' is not packed by deflate")


def test_an_encrypted_zip_is_refused(tmp_path: Path) -> None:
    make_zip(tmp_path / "archive", {"x": b"1"})
    content = bytearray((tmp_path / "archive").read_bytes())
    content[content.index(b"PK\x01\x02") + 8] |= 1
    (tmp_path / "archive").write_bytes(content)
    refused(tmp_path, tmp_path / "archive", "zip", "'x' is encrypted")


@pytest.mark.parametrize("shift", [-30, 100_000])
def test_a_zip_whose_members_begin_outside_the_file_is_refused(tmp_path: Path, shift: int) -> None:
    make_zip(tmp_path / "archive", {"x": b"1"})
    content = bytearray((tmp_path / "archive").read_bytes())
    # the table's own place: a later one moves all members before the file, as a member's place moves one after it
    place = len(content) - 6 if shift < 0 else content.index(b"PK\x01\x02") + 42
    moved = int.from_bytes(content[place : place + 4], "little") + abs(shift)
    content[place : place + 4] = moved.to_bytes(4, "little")
    (tmp_path / "archive").write_bytes(content)
    refused(tmp_path, tmp_path / "archive", "zip", "'x' is said to begin outside the file")


@settings(max_examples=150, suppress_health_check=[HealthCheck.too_slow])
@given(
    kind=st.sampled_from(["zip", "tar", "plain"]),
    damage=st.lists(st.tuples(st.floats(0, 1), st.integers(0, 255)), min_size=1, max_size=6),
    cut=st.one_of(st.none(), st.floats(0, 1)),
)
def test_damaged_archives_end_in_files_or_one_line(
    tmp_path_factory: pytest.TempPathFactory, kind: str, damage: list[tuple[float, int]], cut: float | None
) -> None:
    folder = tmp_path_factory.mktemp("unpack")
    path = folder / "archive"
    small = {"a.txt": b"one" * 400, "b/c.bin": bytes(range(256)) * 20}
    if kind == "zip":
        make_zip(path, small)
    else:
        make_tar(path, small, "w:gz" if kind == "tar" else "w:")
    content = bytearray(path.read_bytes())
    for place, value in damage:
        content[int(place * (len(content) - 1))] = value
    path.write_bytes(content[: int(cut * len(content))] if cut is not None else content)
    try:
        unpack(path, folder / "out", "zip" if kind == "zip" else "tar")
    except InputError as error:
        assert "\n" not in str(error)
    assert {found.name for found in folder.iterdir()} <= {"archive", "out"}
