"""What every section of the configuration is made of."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]*$", description="Letters, digits, '_' and '-'.")]


T = TypeVar("T")


def each_once(values: list[T]) -> list[T]:
    """Refuse a value that comes twice."""
    if len(set(values)) < len(values):
        raise ValueError("each may stand once")
    return values


Channels = Annotated[list[Name], Field(min_length=1), AfterValidator(each_once)]
Source = Annotated[str, Field(pattern=r"^(clean|degraded|restored:[A-Za-z0-9][A-Za-z0-9_-]*)$")]
Scale = Literal["compartment", "process", "pathway", "complex"]


class Section(BaseModel):
    """A part of the configuration; unknown keys are refused, values never change after reading."""

    # imported by each job and each time that Snakemake parses: a model is built when it is first used, and the
    # docstrings of its keys are read where they are printed (docs.py)
    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True, allow_inf_nan=False)


class Profiled(Section):
    """A section with named sets of defaults: the key `profile` says what the keys are that are left out."""

    PROFILES: ClassVar[dict[str, dict[str, Any]]]
    """Defaults of each profile that differ from those of the keys themselves."""
    profile: str
    """Name of a profile; subclasses say which there are."""

    @model_validator(mode="before")
    @classmethod
    def _fill_in(cls, values: Any) -> Any:
        if not isinstance(values, dict):
            return values
        name = values.get("profile", cls.model_fields["profile"].default)
        return cls.PROFILES.get(name, {}) | values if isinstance(name, str) else values
