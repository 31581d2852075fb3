import torch
from scipy.ndimage import gaussian_filter, gaussian_filter1d

from multiscope.nn.spectrum import log_spectrum, spectral_loss


def white(n: int = 64, seed: int = 0) -> torch.Tensor:
    return torch.randn(n, 1, 32, 48, generator=torch.Generator().manual_seed(seed))


def test_white_noise_is_flat() -> None:
    found = log_spectrum(white(256))
    assert found.shape == (8, 6)
    assert (found - found.mean()).abs().max() < 0.15


def test_contrast_is_a_shift() -> None:
    x = white()
    torch.testing.assert_close(log_spectrum(3 * x), log_spectrum(x) + torch.log(torch.tensor(9.0)), atol=0.01, rtol=0)


def test_axes_are_told_apart() -> None:
    x = white()
    smooth = torch.from_numpy(gaussian_filter1d(x.numpy(), 2.0, axis=-2))
    change = log_spectrum(smooth) - log_spectrum(x)
    assert change[4, 1:].abs().max() < change[0].abs().min()  # high along X stays, high along Y is gone


def test_loss_is_least_for_the_change_that_is_asked_for() -> None:
    x, other = white(), white(seed=1)
    blurred = [torch.from_numpy(gaussian_filter(x.numpy(), (0, 0, s, s))) for s in (0.5, 1.0, 2.0)]
    change = log_spectrum(torch.from_numpy(gaussian_filter(other.numpy(), (0, 0, 1.0, 1.0)))) - log_spectrum(other)
    losses = [float(spectral_loss(made, x, change)) for made in blurred]
    assert losses[1] < 0.3 * min(losses[0], losses[2])
    assert spectral_loss(x, x, torch.zeros_like(change)) == 0


def test_loss_can_be_followed_downhill() -> None:
    x = white(8)
    width = torch.tensor(0.2, requires_grad=True)
    made = x * width
    spectral_loss(made, x, torch.zeros(8, 6)).backward()
    assert width.grad is not None and width.grad < 0
