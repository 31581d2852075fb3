"""One output of several jobs, whichever of them comes last, and whatever becomes of one."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from multiscope.errors import InputError
from multiscope.folders.lock import Lock
from multiscope.folders.manifest import StageRun, describe_run, verify
from multiscope.folders.parts import Part, _Parts, read_part, shared_output

NAMES = list("abcdefg")
DESCRIBED: dict[str, Any] = {"stage": "letters", "version": 1, "config": {}, "inputs": {}}


def write(made: StageRun, part: Part) -> None:
    for name in part.share(NAMES):
        with made.unit(name) as unit:
            if not unit.finished:
                unit.path(f"letters/{name}.txt").write_text(name)


def make(out: Path, part: Part, **changed: Any) -> bool:
    """Do a part; whether it completed the output."""
    with shared_output(out, part, write, **{**DESCRIBED, **changed}) as made:
        if made is not None:
            (made.path / "sum.txt").write_text("".join(path.stem for path in sorted(made.path.glob("letters/*"))))
    return made is not None


def beside(out: Path) -> set[str]:
    return {path.name for path in out.parent.iterdir()} - {out.name}


@given(st.lists(st.integers(), max_size=40), st.integers(1, 12))
def test_parts_are_all_things_once_and_of_nearly_equal_size(things: list[int], of: int) -> None:
    shares = [Part(number, of).share(things) for number in range(1, of + 1)]
    assert [thing for share in shares for thing in share] == things
    assert max(map(len, shares)) - min(map(len, shares)) <= 1


@pytest.mark.parametrize("of", [1, 2, 9])
def test_the_last_one_completes_the_output(tmp_path: Path, of: int) -> None:
    out = tmp_path / "out"
    ended = [make(out, Part(number, of)) for number in range(of, 0, -1)]
    assert ended == [False] * (of - 1) + [True] and not beside(out)
    assert (out / "sum.txt").read_text() == "abcdefg" and verify(out, full=True)["stage"] == "letters"


def test_who_comes_again_finds_nothing_to_do(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "out"
    assert not make(out, Part(1, 2)) and not make(out, Part(1, 2)) and make(out, Part(2, 2))
    before = (out / "manifest.json").read_text()
    assert not make(out, Part(2, 2)) and (out / "manifest.json").read_text() == before and not beside(out)
    assert "was completed by the same job; nothing is left for part 2 of 2" in capsys.readouterr().err


def test_all_at_the_same_time(tmp_path: Path) -> None:
    for attempt in range(10):
        out = tmp_path / str(attempt) / "out"
        with ThreadPoolExecutor(4) as pool:
            ended = list(pool.map(lambda number, out=out: make(out, Part(number, 4)), range(1, 5)))
        assert sum(ended) == 1 and (out / "sum.txt").read_text() == "abcdefg" and not beside(out)


def test_parts_of_another_run_are_not_mixed_in(tmp_path: Path) -> None:
    out = tmp_path / "out"
    make(out, Part(1, 2), config={"a": 1})
    assert not make(out, Part(2, 2), config={"a": 2})
    assert make(out, Part(1, 2), config={"a": 2})
    assert verify(out)["config"] == {"a": 2} and not beside(out)


def test_a_damaged_file_of_a_part_is_made_again(tmp_path: Path) -> None:
    out = tmp_path / "out"
    make(out, Part(1, 2))
    (tmp_path / ".out.part-1-of-2.partial" / "letters" / "b.txt").write_text("x")
    assert make(out, Part(2, 2)) and (out / "letters" / "b.txt").read_text() == "b"


def test_bad_input_of_one_costs_the_others_nothing(tmp_path: Path) -> None:
    out = tmp_path / "out"

    def refuse(made: StageRun, part: Part) -> None:
        raise InputError("bad")

    make(out, Part(1, 2))
    with pytest.raises(InputError, match="bad"), shared_output(out, Part(2, 2), refuse, **DESCRIBED):
        pass
    assert beside(out) == {".out.part-1-of-2.partial"}
    assert make(out, Part(2, 2)) and not beside(out)


def test_one_part_twice_at_a_time_is_an_error(tmp_path: Path) -> None:
    with Lock(tmp_path / "out.part-1-of-2"), pytest.raises(InputError, match="another job is making it"):
        make(tmp_path / "out", Part(1, 2))


def test_a_completing_job_is_left_to_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "out"
    make(out, Part(1, 2))
    with Lock(out):
        assert not make(out, Part(2, 2))
    assert "part 2 of 2 is finished; " in capsys.readouterr().err
    assert make(out, Part(2, 2)) and json.loads((out / "manifest.json").read_text())["notes"]["parts"] == 2


def test_who_saw_all_parts_finished_and_came_late_makes_nothing_again(tmp_path: Path) -> None:
    out = tmp_path / "out"
    make(out, Part(1, 2))
    late = _Parts(out, 2, describe_run(**DESCRIBED))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_Parts, "completed", lambda *_: nullcontext())
        assert not make(out, Part(2, 2))  # it is finished, and does not go on
    assert late.do(Part(1, 2), write)
    assert make(out, Part(2, 2))
    before = (out / "manifest.json").read_text()
    with late.completed(Part(1, 2)) as made:
        assert made is None
    assert (out / "manifest.json").read_text() == before and not beside(out)


@pytest.mark.parametrize("text", ["0/2", "3/2", "1", "1/0", "a/b", "-1/2", "1/2/3", ""])
def test_what_is_no_part_is_one_line(text: str) -> None:
    with pytest.raises(InputError, match="is no part; expected K/N with K from 1 to N"):
        read_part(text)
    assert read_part("2/4") == Part(2, 4)
