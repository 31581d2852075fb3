"""File name patterns: `{protein}_{field}_{_}.tif` read as what stands in each place of a name."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence

from multiscope.config import CropsFolder, FieldsFolder
from multiscope.errors import InputError

PLACEHOLDERS = ("protein", "plate", "well", "field", "cell", "channel")
_LONGEST_NAME = 255
_MOST_PLACES = 8


class NamePattern:
    """A pattern of file names; with `/` in it, it is held against the last folders of a path too.

    A placeholder stands for at least one character, `{_}` for any number (as few as will do), neither for `/`;
    `{channel}` stands for one of `channels` only.
    """

    def __init__(
        self, text: str, *, key: str, allowed: Collection[str], required: Collection[str], channels: Sequence[str] = ()
    ) -> None:
        """Read the pattern `text` given under the config key `key`; a fault in it is an `InputError`."""
        self.text, self.key = text, key
        parts = re.split(r"\{([^{}]*)\}", text)
        self.names = tuple(name for name in parts[1::2] if name != "_")
        self._check(parts, allowed, required)
        self._depth = text.count("/") + 1
        self._lazy = re.compile(_expression(parts, channels, lazy=True), re.DOTALL)
        self._greedy = re.compile(_expression(parts, channels, lazy=False), re.DOTALL)

    def _check(self, parts: list[str], allowed: Collection[str], required: Collection[str]) -> None:
        known = ", ".join(f"{{{name}}}" for name in (*allowed, "_"))
        fault = None
        if any("{" in literal or "}" in literal for literal in parts[0::2]):
            fault = "has a brace without its partner; write placeholders as {field}"
        elif unknown := [name for name in self.names if name not in allowed]:
            fault = f"has the unknown placeholder {{{unknown[0]}}}; expected some of {known}"
        elif twice := [name for name in self.names if self.names.count(name) > 1]:
            fault = f"has {{{twice[0]}}} more than once; name it once and write {{_}} at the other places"
        elif missing := [name for name in required if name not in self.names]:
            fault = f"has no {{{missing[0]}}}; add it where the file names tell the {missing[0]}"
        elif len(parts) > 2 and "" in parts[2:-1:2]:
            fault = "has two placeholders with nothing between them; put the sign between that separates them"
        elif len(parts) // 2 > _MOST_PLACES:
            fault = f"has more than {_MOST_PLACES} placeholders; leave out some {{_}}"
        if fault:
            raise InputError(f"{self.key}: '{self.text}' {fault}")

    def match(self, path: str, *, where: str | None = None) -> dict[str, str] | None:
        """What `path` (with `/`) says at each placeholder, or None; a name that reads two ways is an `InputError`.

        `where` names the file in the message.
        """
        pieces = path.split("/")[-self._depth :]
        if max(map(len, pieces)) > _LONGEST_NAME:
            return None
        name = "/".join(pieces)
        first = self._lazy.fullmatch(name)
        if first is None:
            return None
        other = self._greedy.fullmatch(name)
        if other is not None and other.groupdict() != first.groupdict():
            raise InputError(
                f"{where or path}: reads two ways by {self.key} '{self.text}': {_shown(first.groupdict())} or "
                f"{_shown(other.groupdict())}; choose a pattern that leaves one, or rename the file"
            )
        return first.groupdict()


def crops_pattern(data: CropsFolder) -> NamePattern:
    """The pattern of a folder of crops."""
    required = ("field", "cell", "channel") if len(data.channels) > 1 else ("field", "cell")
    allowed = ("protein", "field", "cell", "channel")
    return NamePattern(data.pattern, key="pattern", allowed=allowed, required=required, channels=data.channels)


def images_pattern(data: FieldsFolder) -> NamePattern:
    """The pattern of a folder of fields."""
    allowed = ("protein", "plate", "well", "field", "channel")
    return NamePattern(data.pattern, key="pattern", allowed=allowed, required=("field",), channels=data.channels)


def labels_pattern(data: FieldsFolder, images: NamePattern) -> NamePattern:
    """The pattern of the label images: it tells what that of the images tells, but for the channel."""
    same = tuple(name for name in images.names if name != "channel")
    return NamePattern(data.labels_pattern, key="labels_pattern", allowed=same, required=same)


def _expression(parts: list[str], channels: Sequence[str], *, lazy: bool) -> str:
    """The regular expression; its lazy and its greedy form agree on a name if and only if it reads one way."""
    more = "+?" if lazy else "+"
    pieces = [re.escape(parts[0])]
    for name, literal in zip(parts[1::2], parts[2::2], strict=True):
        if name == "_":
            pieces.append("[^/]*?")
        elif name == "channel" and channels:
            ordered = sorted(channels, key=len, reverse=not lazy)
            pieces.append(f"(?P<channel>{'|'.join(map(re.escape, ordered))})")
        else:
            pieces.append(f"(?P<{name}>[^/]{more})" if name.isidentifier() else "")
        pieces.append(re.escape(literal))
    return "".join(pieces)


def _shown(values: dict[str, str]) -> str:
    return ", ".join(f"{name} {value!r}" for name, value in values.items())
