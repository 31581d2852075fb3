"""What device a job gets, and what it says where that is not the one it was given."""

from __future__ import annotations

import pytest
import torch

from multiscope.errors import InputError
from multiscope.training.device import make_fabric


@pytest.fixture
def no_cuda(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)


def test_cuda_without_a_gpu_is_an_error(no_cuda: None) -> None:
    with pytest.raises(InputError, match="no CUDA device is visible; use --device cpu or ask the cluster for a GPU"):
        make_fabric("cuda", threads=1)


@pytest.mark.parametrize(("given", "device", "says"), [("0", "auto", True), ("-1", "auto", False), ("0", "cpu", False)])
def test_a_gpu_that_was_given_and_is_not_seen(
    no_cuda: None,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    given: str,
    device: str,
    says: bool,
) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", given)
    assert make_fabric(device, threads=1).device.type == "cpu"
    assert ("given a GPU (CUDA_VISIBLE_DEVICES=0), but torch sees none" in capsys.readouterr().err) == says
