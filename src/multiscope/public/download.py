"""Downloads that a hostile or broken server cannot turn into anything but one line of error."""

from __future__ import annotations

import json
import os
import shutil
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import quote

import pooch  # type: ignore[import-untyped]
import requests
import urllib3
import yaml

from multiscope.errors import InputError
from multiscope.folders.disk import share
from multiscope.progress import Progress
from multiscope.public.registry import SHA256, RemoteFile

_TIMEOUT = (20, 60)
_HEADERS = {"Accept-Encoding": "identity"}
_PIECE = 2**20
_LISTING_BYTES = 2**26
_WEB_PAGES = (b"<!doctype html", b"<html")


class Cache:
    """Downloaded files by their names; a folder of them is a mirror for others."""

    def __init__(self, folder: Path | None = None) -> None:
        """Use `folder`, or what MULTISCOPE_CACHE says, or the user's cache."""
        self.folder = folder or Path(os.environ.get("MULTISCOPE_CACHE") or pooch.os_cache("multiscope"))

    def fetch(
        self, file: RemoteFile, *, mirror: str | None = None, sha256: str | None = None, trust: bool = False
    ) -> tuple[Path, str]:
        """Where `file` lies, downloaded if need be, and its sha256, which is the one expected.

        Expected is `sha256`, else the registry's, else the one recorded when the file was trusted at first use, which
        `trust` allows. Whatever fails is an `InputError`, and nothing is left under the file's name.
        """
        path = self.folder / file.name
        note = path.with_name(f"{path.name}.trusted.yaml")
        expected = sha256 or file.sha256 or _trusted(note)
        if expected is None and not trust:
            raise InputError(
                f"{file.name}: its sha256 is not known, so that nobody can tell whether it is what its authors "
                "published; give the one you know with --sha256, or accept it with --trust-on-first-use"
            )
        if expected is None:
            path.unlink(missing_ok=True)
        elif _is_whole(path, expected):
            return path, expected
        with _plain_errors(file, mirror):
            pooch.get_logger().setLevel("WARNING")  # progress and errors are told here
            pooch.retrieve(
                _location(file, mirror),
                known_hash=f"sha256:{expected}" if expected else None,
                fname=path.name,
                path=path.parent,
                downloader=_Download(file),
            )
            share(path)
        found = expected or pooch.file_hash(str(path))
        if expected is None:
            seen = {"url": _location(file, mirror), "date": today(), "sha256": found, "nbytes": path.stat().st_size}
            note.write_text(yaml.safe_dump(seen, sort_keys=False), encoding="utf-8")
        return path, found


def today() -> str:
    """The date, UTC."""
    return datetime.now(UTC).date().isoformat()


def _is_whole(path: Path, sha256: str) -> bool:
    return path.is_file() and pooch.file_hash(str(path)) == sha256


def _trusted(note: Path) -> str | None:
    try:
        found = yaml.safe_load(note.read_text(encoding="utf-8"))["sha256"]
    except (OSError, ValueError, yaml.YAMLError, KeyError, TypeError):
        return None
    return found if isinstance(found, str) and SHA256.fullmatch(found) else None


def _location(file: RemoteFile, mirror: str | None) -> str:
    """Address or path of the file: below the mirror, if there is one."""
    if mirror is None:
        return str(file.url) if file.url else file.source
    if mirror.startswith(("http://", "https://")):
        return f"{mirror.rstrip('/')}/{quote(file.name)}"
    if "://" in mirror:
        raise InputError(f"mirror {mirror}: expected an address with http or https, or a folder")
    return str(Path(mirror) / file.name)


class _Download:
    """What pooch calls to bring a file: bounded in size, no web pages, no other protocols."""

    def __init__(self, file: RemoteFile) -> None:
        self._file = file

    def __call__(self, url: str, output_file: str, _: Any) -> None:
        if url.startswith("doi:"):
            url = _find_in_dataverse(self._file)
        with Path(output_file).open("wb") as out:
            if url.startswith(("http://", "https://")):
                self._download(url, out)
            else:
                self._copy(Path(url), out)
        size = Path(output_file).stat().st_size
        if self._file.nbytes is not None and size != self._file.nbytes:
            raise _Refused(f"has {size} bytes, expected {self._file.nbytes}")

    def _download(self, url: str, out: Any) -> None:
        with _open(url) as response:
            packed = response.headers.get("content-encoding", "identity")
            if packed != "identity" and not self._file.name.endswith((".gz", ".tgz")):
                raise _Refused("is sent packed, which was not asked for")
            length = response.headers.get("content-length", "")
            announced = int(length) if length.isascii() and length.isdigit() else 0
            if announced > self._file.bound:
                raise _Refused(f"has {announced} bytes, expected up to {self._file.bound}")
            done = 0
            total = -(-(announced or self._file.bound) // _PIECE)
            with Progress(f"data fetch: {self._file.name}, MiB", total=total) as progress:
                for piece in response.raw.stream(_PIECE, decode_content=False):
                    if not done and piece[:512].lstrip().lower().startswith(_WEB_PAGES):
                        raise _Refused("is answered with a web page instead of the file")
                    done += len(piece)
                    if done > self._file.bound:
                        raise _Refused(f"has more than {self._file.bound} bytes")
                    out.write(piece)
                    progress.advance()

    def _copy(self, source: Path, out: Any) -> None:
        # a fifo would block for ever
        if not stat.S_ISREG(source.stat().st_mode):
            raise _Refused("is no file")
        if source.stat().st_size > self._file.bound:
            raise _Refused(f"has {source.stat().st_size} bytes, expected up to {self._file.bound}")
        with source.open("rb") as file:
            shutil.copyfileobj(file, out, _PIECE)


class _Refused(Exception):  # noqa: N818 - becomes an InputError that says where
    pass


@contextmanager
def _open(url: str) -> Iterator[requests.Response]:
    with requests.get(url, stream=True, timeout=_TIMEOUT, headers=_HEADERS) as response:
        response.raise_for_status()
        if response.status_code != requests.codes.ok:
            raise _Refused(f"is answered with {response.status_code}")
        if url.startswith("https:") and not response.url.startswith("https:"):
            raise _Refused("is redirected to an address that is not encrypted")
        yield response


def _find_in_dataverse(file: RemoteFile) -> str:
    """Address of a file that the repository knows by its name."""
    assert file.dataverse is not None
    server, name = str(file.dataverse.server).rstrip("/"), PurePosixPath(file.name).name
    with _open(f"{server}/api/datasets/:persistentId/?persistentId=doi:{file.dataverse.doi}") as response:
        text: bytes = response.raw.read(_LISTING_BYTES, decode_content=False)
    try:
        listed = [entry["dataFile"] for entry in json.loads(text)["data"]["latestVersion"]["files"]]
        number = next((int(entry["id"]) for entry in listed if entry["filename"] == name), None)
    except (ValueError, KeyError, TypeError, RecursionError):
        raise _Refused("cannot be looked up: the repository's answer is not understood") from None
    if number is None:
        raise _Refused(f"is not among the {len(listed)} files of the repository")
    return f"{server}/api/access/datafile/{number}"


@contextmanager
def _plain_errors(file: RemoteFile, mirror: str | None) -> Iterator[None]:
    """One line for whatever goes wrong between here and the file."""
    where = f"{file.name}: {_location(file, mirror)}"
    try:
        yield
    except _Refused as error:
        raise InputError(f"{where} {error}; try another mirror, or tell the maintainers") from None
    except requests.HTTPError as error:
        code = error.response.status_code if error.response is not None else "an error"
        raise InputError(f"{where} is answered with {code}; try later, or name a --mirror that has it") from None
    except (requests.RequestException, urllib3.exceptions.HTTPError, UnicodeError) as error:
        fault = " ".join(str(error).split()).encode("ascii", "backslashreplace").decode()[:200]
        raise InputError(
            f"{where} cannot be downloaded ({fault}); check the network, or name a --mirror (an address or a folder)"
        ) from None
    except FileNotFoundError:
        raise InputError(f"{where} does not exist; put the file there, or name another --mirror") from None
    except ValueError as error:
        if "hash" not in str(error):
            raise
        raise InputError(
            f"{where} has another sha256 than expected, so it was thrown away: it is damaged, or changed since; "
            "try another mirror, or tell the maintainers"
        ) from None
