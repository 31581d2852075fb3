"""Labels as their own embedding."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from multiscope.nn.cards import load_network, save_network
from multiscope.nn.one_hot import OneHot


def test_a_label_is_its_embedding_also_when_loaded(tmp_path: Path) -> None:
    labels = torch.tensor([[0.0, 1, 0], [1, 0, 1]])
    save_network(tmp_path, OneHot(n_classes=3), "one_hot", {"n_classes": 3}, {"classes": ["a", "b", "c"]})
    network: Any = load_network(tmp_path)[0]
    found = network.features(labels)
    assert list(found) == ["label"] and torch.equal(found["label"], labels)


def test_labels_of_other_classes_are_refused() -> None:
    with pytest.raises(ValueError, match=r"label vectors are \(4,\); expected 3 places"):
        OneHot(n_classes=3).features(torch.zeros(2, 4))
