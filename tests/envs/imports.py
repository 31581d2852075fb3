"""Packages that a command of `multiscope` may import: found by reading the code, late imports included."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from functools import cache

from tests.envs.spec import ROOT

SOURCE = ROOT / "src"
CLI = SOURCE / "multiscope" / "cli.py"


def imported_packages(command: str) -> set[str]:
    """Top-level names, but for the standard library's, that the process of a command may import."""
    tree = ast.parse(CLI.read_text(encoding="utf-8"))
    functions = {node.name: node for node in tree.body if isinstance(node, ast.FunctionDef)}
    others = functions.keys() - {command.replace("-", "_"), "main"}
    kept = [node for node in tree.body if not (isinstance(node, ast.FunctionDef) and node.name in others)]
    waiting, seen, found = list(_names(*kept)), {"multiscope"}, set()
    while waiting:
        module = waiting.pop()
        package = module.partition(".")[0]
        if package != "multiscope":
            found.add(package)
        elif module not in seen:
            seen.add(module)
            above = module.rpartition(".")[0]
            waiting += [above, *_imported_by(module)]
    return found - sys.stdlib_module_names


@cache
def _imported_by(module: str) -> frozenset[str]:
    """What a module imports; nothing for a name in one."""
    path = SOURCE.joinpath(*module.split("."))
    files = [file for file in (path / "__init__.py", path.with_suffix(".py")) if file.is_file()]
    return frozenset(name for file in files for name in _names(ast.parse(file.read_text(encoding="utf-8"))))


def _names(*nodes: ast.AST) -> Iterator[str]:
    """Names of the modules that are imported there, among them names of what is imported from modules."""
    for node in (inner for outer in nodes for inner in ast.walk(outer)):
        match node:
            case ast.Import(names=names):
                yield from (name.name for name in names)
            case ast.ImportFrom(module=str(module), names=names):
                yield module
                yield from (f"{module}.{name.name}" for name in names)
            case ast.Call(func=ast.Name(id="import_module"), args=[ast.Constant(value=str(module)), *_]):
                yield module
