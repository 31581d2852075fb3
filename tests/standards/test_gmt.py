"""Standards: what is written is read, and what was changed or malformed is refused in one line."""

from pathlib import Path

import pytest
import yaml
from hypothesis import strategies as st

from multiscope.errors import InputError
from multiscope.standards import gmt as standards
from multiscope.standards.gmt import read_gmt
from multiscope.stores.gmt import write_gmt

ORIGIN = {"organism": "4932", "id_type": "ORF", "release": "2026-01-01", "licence": "CC BY 4.0"}
WORDS = st.text(min_size=1, max_size=8).filter(
    lambda word: word == word.strip() and not any(sign in word for sign in "\t\n\r\0\ufeff") and word.isprintable()
)
TERMS = st.dictionaries(WORDS, st.sets(WORDS, min_size=1, max_size=5), min_size=1, max_size=5)


def refused(path: Path, **kwargs: str) -> str:
    with pytest.raises(InputError) as error:
        read_gmt(path, name="s", **{"scale": "complex", **kwargs})
    assert "\n" not in str(error.value)
    return str(error.value)


@pytest.mark.parametrize("content", [b"t\td\ta\tb\r\nu\t\tb\tc\t\t\r\n", b"\xef\xbb\xbft\td\ta\tb\ru\td\tb\tc\tc\n\n"])
def test_line_ends_blanks_and_marks_of_other_tools(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "s.gmt").write_bytes(content)
    standard = read_gmt(tmp_path / "s.gmt", name="s", scale="pathway")
    assert dict(standard.terms) == {"t": {"a", "b"}, "u": {"b", "c"}}
    assert standard.licence == standard.release == "unknown"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"t\td\ta\nbroken line\n", "line 2 is no GMT line"),
        (b"t\td\n", "line 1 is no GMT line"),
        (b"\td\ta\n", "line 1 is no GMT line"),
        (b"t\td\ta\0b\n", "line 1 is no GMT line"),
        (b"t\td\ta\n\nt\td\tb\n", "line 3 has term 't' a second time"),
        (b"t\td\ta\nu\td\t\xff\n", "line 2 is not UTF-8"),
        (b"\n\n", "has no term"),
    ],
)
def test_malformed_files_are_refused_with_the_line(tmp_path: Path, content: bytes, said: str) -> None:
    (tmp_path / "s.gmt").write_bytes(content)
    assert said in refused(tmp_path / "s.gmt")


def test_a_long_foreign_line_is_cut_in_the_message(tmp_path: Path) -> None:
    (tmp_path / "s.gmt").write_text("x\x1b" * 10_000)
    said = refused(tmp_path / "s.gmt")
    assert len(said) < 300 + len(str(tmp_path))
    assert "\x1b" not in said


def test_large_and_missing_files_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(standards, "_MAX_GMT_BYTES", 10)
    (tmp_path / "s.gmt").write_text("t\td\tabcdef\n")
    assert "larger than 10 bytes" in refused(tmp_path / "s.gmt")
    assert "cannot be read" in refused(tmp_path / "none.gmt")
    assert "cannot be read" in refused(tmp_path)


def test_a_changed_gmt_does_not_pass_for_its_sidecar(tmp_path: Path) -> None:
    path = tmp_path / "s.gmt"
    write_gmt(path, {"t": ["a", "b"]}, sidecar={"scale": "complex", **ORIGIN})
    path.write_text(path.read_text().replace("b", "c"))
    assert "sha256" in refused(path)
    path.with_suffix(".yaml").unlink()
    assert read_gmt(path, name="s", scale="complex").organism == "unknown"


def test_scale_comes_from_somewhere_and_is_one(tmp_path: Path) -> None:
    path = tmp_path / "s.gmt"
    write_gmt(path, {"t": ["a", "b"]}, sidecar={"scale": "complex", **ORIGIN})
    assert "make them agree" in refused(path, scale="process")
    sidecar = yaml.safe_load(path.with_suffix(".yaml").read_text())
    path.with_suffix(".yaml").write_text(yaml.safe_dump({**sidecar, "scale": "galaxy"}))
    assert "expected one of compartment" in refused(path)
    path.with_suffix(".yaml").unlink()
    with pytest.raises(InputError, match="scale is not known"):
        read_gmt(path, name="s")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"a: [", "is not YAML"),
        (b"- a", "keys and values"),
        (b"\xff", "not UTF-8"),
        (b"release: 2026-99-99", "is not YAML"),
        (b"[" * 20_000, "is not YAML"),
        (b"#" * 70_000, "larger than"),
        (b"organism: 4932", "sha256"),
        (b"!!python/object/apply:os.getcwd []", "is not YAML"),
    ],
)
def test_hostile_sidecars_are_refused(tmp_path: Path, content: bytes, said: str) -> None:
    (tmp_path / "s.gmt").write_text("t\td\ta\tb\n")
    (tmp_path / "s.yaml").write_bytes(content)
    assert said in refused(tmp_path / "s.gmt")


def test_sidecar_values_are_single(tmp_path: Path) -> None:
    path = tmp_path / "s.gmt"
    write_gmt(path, {"t": ["a", "b"]}, sidecar={"scale": "complex", **ORIGIN})
    sidecar = yaml.safe_load(path.with_suffix(".yaml").read_text())
    path.with_suffix(".yaml").write_text(yaml.safe_dump({**sidecar, "licence": ["a", "b"]}))
    assert "'licence' has to be one value" in refused(path)
