"""What every section of the configuration is made of."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]*$", description="Letters, digits, '_' and '-'.")]
Source = Annotated[str, Field(pattern=r"^(clean|degraded|restored:[A-Za-z0-9][A-Za-z0-9_-]*)$")]
Scale = Literal["compartment", "process", "pathway", "complex"]


class Section(BaseModel):
    """A part of the configuration; unknown keys are refused, values never change after reading."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True, allow_inf_nan=False)
