"""Image files of a folder or archive, grouped by what their names say."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from multiscope.data.readers.pattern import NamePattern
from multiscope.errors import InputError
from multiscope.images.container import Container
from multiscope.images.natural import natural

Key = tuple[str, ...]


@dataclass(frozen=True)
class Group:
    """The files of one field or one cell."""

    key: Key
    """What the file names say, in the order asked for."""
    files: dict[str, str]
    """File name of each channel."""


def group_files(
    container: Container, pattern: NamePattern, *, by: tuple[str, ...], channels: list[str]
) -> tuple[list[Group], int]:
    """Groups of files that agree in the placeholders `by`, in natural order, and how many names did not match.

    No match, a missing channel and two files for one place are an `InputError`.
    """
    found: dict[Key, dict[str, str]] = {}
    n_matched = 0
    for name in container.names:
        values = pattern.match(name, where=container.where(name))
        if values is None:
            continue
        n_matched += 1
        files = found.setdefault(tuple(values.get(part, "") for part in by), {})
        channel = values.get("channel", channels[0])
        if channel in files:
            raise InputError(
                f"{container.where(files[channel])} and {container.where(name)}: are the same {_said(by, values)}; "
                f"expected one file for each: remove one, or tell them apart in {pattern.key} '{pattern.text}'"
            )
        files[channel] = name
    if not found:
        raise _nothing(container, pattern)
    groups = [Group(key, files) for key, files in sorted(found.items(), key=lambda item: tuple(map(natural, item[0])))]
    for group in groups:
        _check_channels(container, group, channels)
    return groups, len(container.names) - n_matched


def _check_channels(container: Container, group: Group, channels: list[str]) -> None:
    missing = [channel for channel in channels if channel not in group.files]
    if missing:
        seen = next(iter(group.files.values()))
        raise InputError(
            f"{container.where(seen)}: there is no file of channel '{missing[0]}' beside it; expected one for each of "
            f"{', '.join(channels)}: add it, or leave the channel out of 'channels'"
        )


def _nothing(container: Container, pattern: NamePattern) -> InputError:
    saw = f"a name there is '{ascii(container.names[0])[1:-1]}'" if container.names else "there is no file"
    return InputError(
        f"{container.path}: no file name fits {pattern.key} '{pattern.text}' ({saw}); mend the pattern or 'channels'"
    )


def _said(by: tuple[str, ...], values: dict[str, str]) -> str:
    shown = [f"{part} '{values[part]}'" for part in (*by, "channel") if part in values]
    return ", ".join(shown)


def join_names(groups: list[Group], container: Container, *, name: Callable[[Key], str]) -> list[str]:
    """One name for each group; two groups of one name are an `InputError`."""
    names: dict[str, Group] = {}
    for group in groups:
        former = names.setdefault(name(group.key), group)
        if former is not group:
            one, other = (container.where(next(iter(g.files.values()))) for g in (former, group))
            raise InputError(f"{one} and {other}: would both be named '{name(group.key)}'; rename one of them")
    return list(names)
