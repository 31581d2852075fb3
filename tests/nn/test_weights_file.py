import pickle
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor

from multiscope.errors import InputError
from multiscope.nn import weights_file
from multiscope.nn.weights_file import copy_weights, read_weights

EXPECTED = "expected the weights of X"


@pytest.mark.parametrize("name", ["a.pth", "a.safetensors"])
def test_both_kinds_of_files_are_read(name: str, tmp_path: Path) -> None:
    weights = {"a": torch.rand(2, 3), "b": torch.arange(3)}
    (torch.save if name == "a.pth" else save_file)(weights, tmp_path / name)
    found = read_weights(tmp_path / name, EXPECTED)
    assert found.keys() == weights.keys()
    assert all(torch.equal(found[key], value) for key, value in weights.items())


class Harmful:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return print, ("run",)


def test_nothing_in_a_file_is_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "a.pth").write_bytes(pickle.dumps({"a": Harmful()}))
    torch.save({"a": Harmful()}, tmp_path / "b.pth")
    for name in ("a.pth", "b.pth"):
        with pytest.raises(InputError, match=r"not a weights file \(UnpicklingError\); expected the weights of X$"):
            read_weights(tmp_path / name, EXPECTED)
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(("name", "content"), [("a.pth", b"PK"), ("a.safetensors", b"xxxxxxxxxxxx"), ("b.pth", b"")])
def test_other_files_are_refused_in_one_line(name: str, content: bytes, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError, match="not a weights file") as caught:
        read_weights(tmp_path / name, EXPECTED)
    assert "\n" not in str(caught.value)


def test_no_file_no_dictionary_and_too_much_are_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(InputError, match="no such file; expected the weights of X: name where it lies"):
        read_weights(tmp_path / "none.pth", EXPECTED)
    torch.save([torch.zeros(3)], tmp_path / "a.pth")
    with pytest.raises(InputError, match="holds a list, not a dictionary"):
        read_weights(tmp_path / "a.pth", EXPECTED)
    monkeypatch.setattr(weights_file, "_MAX_BYTES", 100)
    with pytest.raises(InputError, match=r"holds \d+ bytes, the limit is 100"):
        read_weights(tmp_path / "a.pth", EXPECTED)


def test_copies_what_is_named_alike(tmp_path: Path) -> None:
    own = {"a": torch.zeros(2)}
    copy_weights(own, {"a": torch.tensor([1.0, 2.0]).half(), "b": torch.ones(9)}, tmp_path, EXPECTED)
    assert torch.equal(own["a"], torch.tensor([1.0, 2.0]))


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ({}, "has no tensor 'a'"),
        ({"a": torch.ones(2, dtype=torch.int64)}, "has no tensor 'a'"),
        ({"a": torch.ones(2).to_sparse()}, "has no tensor 'a'"),
        ({"a": torch.ones(3)}, r"'a' is \(3,\), not \(2,\)"),
        ({"a": torch.tensor([1.0, float("nan")])}, "'a' is not finite"),
    ],
)
def test_what_does_not_fit_is_refused(given: dict[str, Tensor], why: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=why + ".*" + EXPECTED):
        copy_weights({"a": torch.zeros(2)}, given, tmp_path, EXPECTED)
