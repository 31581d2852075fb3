"""Faults of a configuration in one line: file, path of the key, what is wrong, what may stand there."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping
from typing import Any, Literal, TypeVar, get_args, get_origin

from pydantic import BaseModel, ValidationError

from multiscope.errors import InputError

M = TypeVar("M", bound=BaseModel)


def parse(model: type[M], values: object, where: str) -> M:
    """Check `values` against `model`; a fault becomes one line that names `where` and the key's path."""
    try:
        return model.model_validate(values)
    except ValidationError as error:
        raise InputError(_say(error, model, values, where)) from None


def _say(error: ValidationError, model: type[BaseModel], values: object, where: str) -> str:
    """The first fault in one line: file, path of the key, what is wrong, what may stand there."""
    faults = error.errors(include_url=False)
    # a misspelt key also leaves the right one missing: name the misspelling
    fault = next((f for f in faults if f["type"] == "extra_forbidden"), faults[0])
    location = tuple(fault["loc"])
    shown = ".".join(_keys_of(values, location, keep_last=fault["type"] in ("extra_forbidden", "missing")))
    if fault["type"] == "extra_forbidden":
        key = str(location[-1])
        message = f"unknown key '{key}'{did_you_mean(key, sorted(set(_keys_at(model, location[:-1]))))}"
    elif fault["type"] == "missing":
        message = "is missing; add it"
    elif fault["type"] == "union_tag_invalid":
        key, tag = fault["ctx"]["discriminator"].strip("'"), fault["ctx"]["tag"]
        expected = [word.strip(" '") for word in fault["ctx"]["expected_tags"].split(",")]
        message = f"unknown {key} '{tag}'{did_you_mean(tag, expected)}"
    elif fault["type"] == "union_tag_not_found":
        message = f"the key {fault['ctx']['discriminator']} is missing; add it"
    else:
        message = fault["msg"].removeprefix("Value error, ")
        if fault["type"] != "value_error" and not isinstance(fault["input"], dict):
            message += f" (is {fault['input']!r})"
    more = len(faults) - 1
    rest = f" (and {more} more)" if more else ""
    return f"{where}: {shown + ': ' if shown else ''}{message}{rest}"


def _keys_of(values: object, location: tuple[int | str, ...], *, keep_last: bool) -> Iterator[str]:
    """The keys of `location` as they stand in the file: pydantic puts the tag of a union between them."""
    for i, step in enumerate(location):
        if step == "[key]":  # what is wrong is the key before it
            continue
        last = keep_last and i == len(location) - 1
        if isinstance(values, dict) and step not in values and not last:
            continue
        yield str(step)
        values = _at(values, step)


def _at(values: object, step: int | str) -> object:
    if isinstance(values, list):
        return values[step] if isinstance(step, int) and step < len(values) else None
    return values.get(step) if isinstance(values, dict) else None


def _keys_at(model: type[BaseModel], location: tuple[int | str, ...]) -> Iterator[str]:
    """Keys that may stand where `location` points to; empty where any may."""
    found: set[type[BaseModel]] = {model}
    for step in location:
        following: set[type[BaseModel]] = set()
        for candidate in found:
            if step in candidate.model_fields:
                following |= set(_models_in(candidate.model_fields[str(step)].annotation))
        chosen = {m for m in found if len(found) > 1 and (tag_of(m) or ("", ""))[1] == step}
        # a free name (of a data set, of an encoder) stays on the same models, a union's tag chooses one of them
        found = chosen or following or found
    for candidate in found:
        yield from candidate.model_fields


def tag_of(model: type[BaseModel]) -> tuple[str, str] | None:
    """The key that tells a model apart in its union, and its value: ("reader", "crops")."""
    for key in ("reader", "kind", "model"):
        if key in model.model_fields and get_origin(model.model_fields[key].annotation) is Literal:
            return key, str(get_args(model.model_fields[key].annotation)[0])
    return None


def _models_in(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for argument in get_args(annotation):
        yield from _models_in(argument)


def did_you_mean(word: str, known: Mapping[str, Any] | list[str]) -> str:
    """How to end a line about an unknown `word`: the nearest that is known, or all of them."""
    near = difflib.get_close_matches(word, list(known), n=1, cutoff=0.6)
    return f"; did you mean '{near[0]}'?" if near else f" (known: {', '.join(known)})"
