"""Folders and archives from elsewhere."""

from __future__ import annotations

import os
import stat
import zipfile
from pathlib import Path

import pytest

from multiscope.errors import InputError
from multiscope.images import container
from multiscope.images.container import open_container

CONTENT = {"a/1.tif": b"one", "2.tif": b"two", ".hidden/3.tif": b"x", "__MACOSX/._2.tif": b"x", "a/.DS_Store": b"x"}


def make_zip(path: Path, **options: bytes) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in options.items():
            archive.writestr(name, content)
    return path


def test_folder_and_archive_offer_the_same(tmp_path: Path) -> None:
    for name, content in CONTENT.items():
        (tmp_path / "f" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "f" / name).write_bytes(content)
    archive = make_zip(tmp_path / "z.zip", **CONTENT)
    with open_container(tmp_path / "f", key="images") as folder, open_container(archive, key="images") as zipped:
        assert folder.names == zipped.names == ["2.tif", "a/1.tif"]
        found = folder.read("a/1.tif")
        assert isinstance(found, Path)
        assert found.read_bytes() == zipped.read("a/1.tif") == b"one"


def test_names_that_would_leave_the_folder_write_nothing(tmp_path: Path) -> None:
    archive = make_zip(tmp_path / "z.zip", **{"../../evil.tif": b"1", "/etc/evil.tif": b"2"})
    before = sorted(tmp_path.parent.rglob("*"))
    with open_container(archive, key="images") as zipped:
        assert {zipped.read(name) for name in zipped.names} == {b"1", b"2"}
        assert "\n" not in zipped.where("a\nb\x1b[31m.tif")
    assert sorted(tmp_path.parent.rglob("*")) == before


def test_links_in_an_archive_are_left_out(tmp_path: Path) -> None:
    link = zipfile.ZipInfo("link.tif")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(tmp_path / "z.zip", "w") as archive:
        archive.writestr(link, "/etc/passwd")
        archive.writestr("a.tif", b"1")
    with open_container(tmp_path / "z.zip", key="images") as zipped:
        assert zipped.names == ["a.tif"]


def refused(path: Path, name: str, match: str) -> None:
    with open_container(path, key="images") as zipped, pytest.raises(InputError, match=match) as caught:
        zipped.read(name)
    assert str(caught.value).startswith(f"{path}: {name}: ")
    assert "\n" not in str(caught.value)


def test_large_members_are_refused_before_they_are_unpacked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = make_zip(tmp_path / "z.zip", **{"a.tif": bytes(600), "b.tif": bytes(600)})
    monkeypatch.setattr(container, "_MEMBER_BYTES", 500)
    refused(path, "a.tif", "is too large unpacked .600 bytes")
    monkeypatch.setattr(container, "_MEMBER_BYTES", 1000)
    monkeypatch.setattr(container, "_TOTAL_BYTES", 1000)
    with open_container(path, key="images") as zipped:
        zipped.read("a.tif")
        with pytest.raises(InputError, match=r"too large unpacked \(600 bytes, 1200 with those before"):
            zipped.read("b.tif")


def test_a_member_that_lies_about_its_size_gives_no_more_than_it_said(tmp_path: Path) -> None:
    path = make_zip(tmp_path / "z.zip", **{"a.tif": bytes(10**6)})
    content = path.read_bytes()
    path.write_bytes(content.replace((10**6).to_bytes(4, "little"), (100).to_bytes(4, "little")))
    refused(path, "a.tif", "cannot be unpacked")


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_members_that_python_unpacks_at_once_are_refused(tmp_path: Path, method: int) -> None:
    with zipfile.ZipFile(tmp_path / "z.zip", "w", method) as file:
        file.writestr("a.tif", bytes(100))
    refused(tmp_path / "z.zip", "a.tif", "is not packed by 'deflate'; make the archive without bzip2 or LZMA")


def test_encrypted_and_damaged_members_are_refused(tmp_path: Path) -> None:
    path = make_zip(tmp_path / "z.zip", **{"a.tif": os.urandom(1000)})
    content = bytearray(path.read_bytes())
    damaged = tmp_path / "damaged.zip"
    damaged.write_bytes(content[:200] + b"####" + content[204:])
    refused(damaged, "a.tif", "cannot be unpacked .Bad CRC-32.*copy the archive again")
    start = content.index(b"PK\x01\x02")
    content[6] |= 1
    content[start + 8] |= 1
    path.write_bytes(content)
    refused(path, "a.tif", "is encrypted; make the archive without a password")


@pytest.mark.parametrize("content", [b"", b"no archive", b"PK\x03\x04 and no end"])
def test_what_is_no_archive_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "z.zip"
    path.write_bytes(content)
    with pytest.raises(InputError, match="is no whole zip archive") as caught, open_container(path, key="images"):
        pass
    assert str(caught.value).startswith(f"{path}: ")


def test_a_cut_archive_and_a_missing_one_are_refused(tmp_path: Path) -> None:
    path = make_zip(tmp_path / "z.zip", **{"a.tif": os.urandom(1000)})
    path.write_bytes(path.read_bytes()[:-30])
    with pytest.raises(InputError, match="is no whole zip archive"), open_container(path, key="images"):
        pass
    with pytest.raises(InputError, match="none: does not exist"), open_container(tmp_path / "none", key="images"):
        pass


def test_names_are_in_natural_order_and_zarr_stores_are_listed_apart(tmp_path: Path) -> None:
    content = {
        "f10.tif": b"", "f2.tif": b"", "a/b.zarr/zarr.json": b"", "a/b.zarr/0/c/0": b"", "a/1.tif": b"",
        "plain/.zgroup": b"", "plain/0/.zarray": b"", "plain/0/0.0": b"",
    }  # fmt: skip
    for name in content:
        (tmp_path / "f" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "f" / name).write_bytes(b"")
    archive = make_zip(tmp_path / "z.zip", **content)
    with open_container(tmp_path / "f", key="images") as folder, open_container(archive, key="images") as zipped:
        assert folder.names == zipped.names == ["a/1.tif", "f2.tif", "f10.tif"]
        assert folder.stores == zipped.stores == ["a/b.zarr", "plain"]


def test_reading_a_member_again_counts_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = make_zip(tmp_path / "z.zip", **{"a.tif": bytes(600)})
    monkeypatch.setattr(container, "_TOTAL_BYTES", 1000)
    with open_container(path, key="images") as zipped:
        assert zipped.read("a.tif") == zipped.read("a.tif") == bytes(600)


def test_a_name_that_breaks_lines_does_not_break_a_message(tmp_path: Path) -> None:
    (tmp_path / "a\nü.tif").write_bytes(b"")
    with open_container(tmp_path, key="images") as folder:
        assert folder.where(folder.names[0]) == f"{tmp_path}/a\\nü.tif"
