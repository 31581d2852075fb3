"""Data sets known by name: where they are, what they may be used for, how to tell that they are whole."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from pathlib import PurePosixPath
from typing import Annotated, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, HttpUrl, StringConstraints, TypeAdapter, model_validator

from multiscope.errors import InputError

SHA256 = re.compile(r"[0-9a-f]{64}")
Sha256 = Annotated[str, StringConstraints(pattern=f"^{SHA256.pattern}$")]
RelativePath = Annotated[
    str, StringConstraints(pattern=r"^[A-Za-z0-9_-][A-Za-z0-9_.-]*(/[A-Za-z0-9_-][A-Za-z0-9_.-]*)*$")
]


class _Entry(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Dataverse(_Entry):
    """A data set in a Dataverse repository, in which a file is found by its name."""

    server: HttpUrl
    doi: str = Field(pattern=r"^10\.[0-9]+/[A-Za-z0-9./]+$")


class RemoteFile(_Entry):
    """One file to download."""

    name: RelativePath
    """Where it lies in the cache, in a mirror and, if it is no archive, in the data set's folder; unique among all."""
    url: HttpUrl | None = None
    dataverse: Dataverse | None = None
    sha256: Sha256 | None = None
    """None: not known, because the file changes with each release or was never recorded."""
    nbytes: int | None = Field(None, gt=0)
    at_most: int | None = Field(None, gt=0)
    """Bound of its size where `nbytes` is not known."""
    unpack: Literal["zip", "tar"] | None = None

    @model_validator(mode="after")
    def _one_of_each(self) -> RemoteFile:
        if (self.url is None) == (self.dataverse is None):
            raise ValueError(f"{self.name}: give a url or a dataverse")
        if (self.nbytes is None) == (self.at_most is None):
            raise ValueError(f"{self.name}: give nbytes or at_most")
        return self

    @property
    def bound(self) -> int:
        """No more bytes than these are taken."""
        return self.nbytes or self.at_most or 0

    @property
    def source(self) -> str:
        """Where it is, for people."""
        if self.dataverse is not None:
            return f"doi:{self.dataverse.doi}/{PurePosixPath(self.name).name}"
        return str(self.url)


class Dataset(_Entry):
    """One data set."""

    what: str
    license: str
    citation: str
    remark: str = ""
    """What the user should know: a release that moves, who recorded a hash."""
    files: tuple[RemoteFile, ...] = Field(min_length=1)

    @property
    def is_known(self) -> bool:
        """Whether the sha256 of every file is known."""
        return all(file.sha256 for file in self.files)

    @property
    def size(self) -> str:
        """Size of the downloads, for people."""
        exact = all(file.nbytes for file in self.files)
        total = sum(file.bound for file in self.files)
        shown = next((f"{total / n:.3g} {unit}" for n, unit in ((1e9, "GB"), (1e6, "MB")) if total >= n), f"{total} B")
        return shown if exact else f"up to {shown}"


@cache
def datasets() -> Mapping[str, Dataset]:
    """All data sets by name."""
    text = files("multiscope.public").joinpath("datasets.yaml").read_text(encoding="utf-8")
    return TypeAdapter(dict[str, Dataset]).validate_python(yaml.safe_load(text))


def dataset(name: str) -> Dataset:
    """The data set `name`; an unknown one is an `InputError` that lists the names."""
    known = datasets()
    if name not in known:
        raise InputError(f"data set {name!a} is not known; expected one of {', '.join(known)}")
    return known[name]
