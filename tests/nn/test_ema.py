import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from multiscope.nn.ema import Ema


def network(seed: int = 0) -> torch.nn.Sequential:
    torch.manual_seed(seed)
    return torch.nn.Sequential(torch.nn.Linear(2, 3), torch.nn.BatchNorm1d(3))


@settings(deadline=None, max_examples=20)
@given(decay=st.floats(0, 0.999), values=st.lists(st.floats(-10, 10, width=32), min_size=1, max_size=30))
def test_follows_the_recurrence(decay: float, values: list[float]) -> None:
    module = torch.nn.Linear(1, 1, dtype=torch.float64)
    expected = module.weight.item()
    ema = Ema(module, decay)
    for n, value in enumerate(values):
        torch.nn.init.constant_(module.weight, value)
        ema.update(module)
        d = min(decay, (1 + n) / (10 + n))
        expected = d * expected + (1 - d) * value
    assert ema.average["weight"].item() == pytest.approx(expected, abs=1e-9)


def test_warm_up() -> None:
    ema = Ema(network(), 0.9)
    assert ema.current_decay == 0.1
    ema.n_updates = 79
    assert ema.current_decay == pytest.approx(80 / 89)
    ema.n_updates = 1000
    assert ema.current_decay == 0.9


def test_averages_buffers_and_copies_counters() -> None:
    module = network()
    ema = Ema(module, 0.99)
    module(torch.randn(8, 2) + 5)
    ema.update(module)
    torch.testing.assert_close(ema.average["1.running_var"], 0.1 * torch.ones(3) + 0.9 * module[1].running_var)
    assert ema.average["1.num_batches_tracked"] == 1


def test_does_not_follow_without_update_and_copies_back() -> None:
    module = network()
    before = {name: value.clone() for name, value in module.state_dict().items()}
    ema = Ema(module, 0.5)
    with torch.no_grad():
        module[0].weight += 1
    ema.copy_to(module)
    for name, value in module.state_dict().items():
        assert torch.equal(value, before[name])
    with torch.no_grad():
        module[0].weight += 1
    assert torch.equal(ema.average["0.weight"], before["0.weight"])


def test_zero_decay_is_the_last_value() -> None:
    ema, other = Ema(network(0), 0.0), network(1)
    ema.update(other)
    assert torch.equal(ema.average["0.weight"], other[0].weight)


def test_state_goes_round() -> None:
    ema = Ema(network(0), 0.9)
    ema.update(network(1))
    state = ema.state_dict()
    assert all(isinstance(value, torch.Tensor) for value in state.values())
    ema.update(network(2))
    resumed = Ema(network(5), 0.9)
    resumed.load_state_dict(state)
    assert resumed.n_updates == 1
    resumed.update(network(2))
    for name, value in ema.average.items():
        assert torch.equal(resumed.average[name], value)


def test_foreign_state_is_refused() -> None:
    ema = Ema(network(), 0.9)
    for foreign in (Ema(torch.nn.Linear(2, 3), 0.9).state_dict(), {}):
        with pytest.raises(ValueError, match="another module"):
            ema.load_state_dict(foreign)


@pytest.mark.parametrize("decay", [-0.1, 1.0])
def test_decay_is_checked(decay: float) -> None:
    with pytest.raises(ValueError, match="expected 0 <= decay < 1"):
        Ema(network(), decay)
