"""What is generated from the code: the configuration's JSON schema, its documentation, the rule graph.

`make docs` writes them, a test holds them against the code.
"""

from __future__ import annotations

import ast
import inspect
import json
import re
import subprocess
import textwrap
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import PydanticUndefined
from pydantic_core.core_schema import ModelSchema

from multiscope import config

SCHEMA = Path("workflow/schemas/config.schema.json")
PAGE = Path("docs/configuration.md")
README = Path("README.md")
_GRAPH = ("<!-- rule graph: made by `make docs` -->\n", "<!-- end of rule graph -->")

_HEAD = """# Configuration

Generated from `src/multiscope/config/` by `make docs`; do not edit by hand.

A run is described by one YAML file, `config.yaml` unless `--configfile FILE` names another. A stage runs when its
section is there. Unknown keys are refused. `multiscope check FILE` checks a file without running anything.
"""


def schema() -> str:
    """The JSON schema of the configuration, for editors and for other workflows."""
    return json.dumps(config.Config.model_json_schema(schema_generator=_Described), indent=2) + "\n"


class _Described(GenerateJsonSchema):
    """A JSON schema in which each key is described by its docstring."""

    def model_schema(self, schema: ModelSchema) -> JsonSchemaValue:
        """The schema of one model."""
        made = super().model_schema(schema)
        for name, described in descriptions(schema["cls"]).items():
            if name in made.get("properties", {}):
                made["properties"][name].setdefault("description", described)
        return made


def descriptions(model: type[BaseModel]) -> dict[str, str]:
    """What is written below each key of a model and of those that it is made from."""
    found: dict[str, str] = {}
    for base in reversed(model.__mro__):
        if issubclass(base, BaseModel) and base is not BaseModel:
            (defined,) = ast.parse(textwrap.dedent(inspect.getsource(base))).body
            assert isinstance(defined, ast.ClassDef)
            for key, below in pairwise(defined.body):
                match key, below:
                    case ast.AnnAssign(target=ast.Name(id=name)), ast.Expr(value=ast.Constant(value=str(text))):
                        found[name] = inspect.cleandoc(text)
    return found


def page() -> str:
    """`docs/configuration.md`."""
    return "\n".join([_HEAD, *_sections(config.Config, "", {})]).rstrip() + "\n"


def _sections(model: type[BaseModel], path: str, told: dict[type[BaseModel], str], title: str = "") -> Iterator[str]:
    """The section of `model` and those below it; what was `told` at some path is not repeated."""
    if path:
        yield f"## `{path}`{title}\n"
        yield f"{(model.__doc__ or '').strip()}\n"
    yield "| key | what | values | default |"
    yield "|---|---|---|---|"
    docstrings = descriptions(model)
    # its own keys stand before those that it shares with others
    for name, field in sorted(model.model_fields.items(), key=lambda item: item[0] not in model.__annotations__):
        text = field.description or docstrings.get(name, "")
        described = " ".join(text.split()).replace("|", "\\|")
        yield f"| `{name}` | {described} | {_values(field)} | {_default(field)} |"
    yield ""
    for name, field in model.model_fields.items():
        again: dict[str, str] = {}
        for inner, named in _models(field.annotation):
            below = (f"{path}.{name}" if path else name) + (".<name>" if named else "")
            if inner in told:
                again[below] = told[inner]
                continue
            told[inner] = below
            tag = config.tag_of(inner)
            yield from _sections(inner, below, told, f" with `{tag[0]}: {tag[1]}`" if tag else "")
        for below, first in again.items():
            yield f"## `{below}`\n\nAs `{first}` above.\n"


def _models(annotation: Any, *, named: bool = False) -> Iterator[tuple[type[BaseModel], bool]]:
    """Models inside an annotation, and whether they stand under a free name."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation, named
    for argument in get_args(annotation):
        yield from _models(argument, named=named or get_origin(annotation) is dict)


def _values(field: FieldInfo) -> str:
    limits = [_limit(item) for item in field.metadata]
    return ", ".join(text for text in [_type(field.annotation), *limits] if text)


def _type(annotation: Any) -> str:
    origin, arguments = get_origin(annotation), get_args(annotation)
    if annotation in (int, float, str, bool):
        return {int: "whole number", float: "number", str: "text", bool: "true or false"}[annotation]
    if annotation is Path:
        return "path"
    if origin is list:
        return f"list of {_type(arguments[0])}"
    if origin is dict:
        return f"{_type(arguments[0])} -> {_type(arguments[1])}"
    if origin in (Union, UnionType):
        return " or ".join(dict.fromkeys(_type(item) for item in arguments if item is not NoneType))
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return "section"
    if type(None) is annotation:
        return ""
    if hasattr(annotation, "__metadata__"):
        return _type(annotation.__origin__)
    return " ".join(f"`{item}`" for item in arguments) or "text"


def _limit(item: Any) -> str:
    signs = {"ge": "at least", "gt": "above", "le": "at most", "lt": "below", "multiple_of": "a multiple of"}
    for attribute, words in signs.items():
        if (bound := getattr(item, attribute, None)) is not None:
            return f"{words} {bound}"
    if (least := getattr(item, "min_length", None)) is not None:
        return f"at least {least}"
    return ""


def _default(field: FieldInfo) -> str:
    if field.default is PydanticUndefined:
        return "**required**"
    value = field.default
    if value is None:
        return "left out"
    if isinstance(value, BaseModel):
        return "its defaults"
    if isinstance(value, dict):
        return f"`{', '.join(value)}`" if value else "none"
    return f"`{json.dumps(value, default=str)}`"


def readme(text: str) -> str:
    """The README with the rules and what they pass on, as a Mermaid diagram that code hosts draw."""
    lines = ["flowchart LR", *(f"    {a} --> {b}" for a, b in sorted(rule_graph()))]
    before, after = text.split(_GRAPH[0])[0], text.split(_GRAPH[1])[1]
    return "\n".join([before + _GRAPH[0] + "```mermaid", *lines, "```", _GRAPH[1] + after])


def rule_graph() -> set[tuple[str, str]]:
    """Pairs (rule, rule that uses its output) as Snakemake draws them, without what follows from the others."""
    command = ["snakemake", "--rulegraph", "mermaid-js", "--forceall"]
    drawn = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    names = dict(re.findall(r"(id\d+)\[(\w+)\]", drawn))
    edges = {(names[a], names[b]) for a, b in re.findall(r"(id\d+) --> (id\d+)", drawn) if names[b] != "all"}
    return {(a, b) for a, b in edges if not _longer_way(edges, a, b)}


def _longer_way(edges: set[tuple[str, str]], start: str, end: str) -> bool:
    """Whether `end` is reached from `start` by more than one step."""
    reached = {b for a, b in edges if a == start and b != end}
    while grown := {b for a, b in edges if a in reached} - reached:
        reached |= grown
    return end in reached


def main() -> None:
    """Write all of it, from the root of the repository."""
    SCHEMA.write_text(schema(), encoding="utf-8")
    PAGE.write_text(page(), encoding="utf-8")
    README.write_text(readme(README.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    main()
