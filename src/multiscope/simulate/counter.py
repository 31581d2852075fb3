"""Random numbers by counting: each is a function of its key, its name and its place, of nothing drawn before.

So a cell has the same numbers in any batch, process or order, and any slice of a screen can be made alone. The integer
hash is two rounds of shift, xor and multiply with the constants of "lowbias32" (Wellons 2018), keyed in each, and gives
the same integers on every device; the mapping to floats passes through `log` and `cos`, whose last bits differ between
devices. Not for cryptography.
"""

from __future__ import annotations

import zlib
from functools import lru_cache

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

_MASK = (1 << 64) - 1
_BLOCK = 32
_KEPT = 2**20
_GOLDEN = 0x9E3779B9
_FIRST, _SECOND = 0x7FEB352D, 0x846CA68B


def key(seed: int, *parts: int | npt.NDArray[np.integer]) -> npt.NDArray[np.uint64]:
    """Keys of the things numbered by `parts`, which are broadcast; well mixed 64-bit numbers (splitmix64)."""
    mixed = _splitmix(np.asarray(seed & _MASK, dtype=np.uint64))
    for part in parts:
        mixed = _splitmix(mixed ^ np.asarray(part).astype(np.uint64))
    return mixed


def as_tensor(keys: npt.NDArray[np.uint64], device: torch.device | str = "cpu") -> Tensor:
    """Keys as the pairs (..., 2) of int32 that the functions below take."""
    pairs = np.ascontiguousarray(keys).view(np.int32).reshape(*keys.shape, 2)
    return torch.from_numpy(pairs.copy()).to(device)


def filled(keys: Tensor) -> Tensor:
    """Keys (B, 2), the last repeated until their number is a multiple of 32.

    The last few elements of an array pass through other machine instructions than the rest, which round `exp` and the
    like differently. In whole blocks every number is the same whatever else is in the batch.
    """
    missing = -len(keys) % _BLOCK
    return torch.cat([keys, keys[-1:].expand(missing, -1)]) if missing else keys


def uniform(keys: Tensor, name: str, *shape: int) -> Tensor:
    """Uniform numbers (B, *shape) in (0, 1), odd multiples of 2^-24, for keys (B, 2)."""
    return _unit(_mixed(keys, name, shape))


def normal(keys: Tensor, name: str, *shape: int) -> Tensor:
    """Standard normal numbers (B, *shape)."""
    return normal_pair(keys, name, *shape)[0]


def normal_pair(keys: Tensor, name: str, *shape: int) -> tuple[Tensor, Tensor]:
    """Two independent sets of standard normal numbers, each (B, *shape) (Box and Muller 1958)."""
    radius = _unit(_mixed(keys, name, shape)).log_().mul_(-2).sqrt_()
    angle = _unit(_mixed(keys, f"{name}.angle", shape), 2 * np.pi)
    return radius * angle.cos(), radius.mul_(angle.sin_())


def _mixed(keys: Tensor, name: str, shape: tuple[int, ...]) -> Tensor:
    """Random whole numbers (B, *shape) from 0 to 2^23 - 1, int32."""
    stream = zlib.crc32(name.encode())
    one, two = _constants(keys.device), _constants(keys.device, stream, stream * _GOLDEN)
    low, high = keys[:, :1] ^ two[0], keys[:, 1:] ^ two[1]
    bits = _counters(int(np.prod(shape)), keys.device) + low
    # shifts of int32 keep the sign; what that costs is one of 32 bits in each round
    bits ^= torch.bitwise_right_shift(bits, one[2])
    bits *= one[0]
    bits ^= high
    bits ^= torch.bitwise_right_shift(bits, one[3])
    bits *= one[1]
    return torch.bitwise_right_shift(bits, one[4]).bitwise_and_(one[5]).view(-1, *shape)


def _unit(bits: Tensor, scale: float = 1.0) -> Tensor:
    return bits.to(torch.float32).add_(0.5).mul_(2.0**-23 * scale)


@lru_cache(maxsize=4096)
def _constants(device: torch.device, *numbers: int) -> tuple[Tensor, ...]:
    """Numbers as int32 scalars: torch would copy a number of Python for every use."""
    numbers = numbers or (_FIRST, _SECOND, 16, 15, 9, 0x7FFFFF)
    return tuple(torch.tensor(_signed(number & 0xFFFFFFFF), dtype=torch.int32, device=device) for number in numbers)


def _counters(n: int, device: torch.device) -> Tensor:
    return _few_counters(n, device) if n <= _KEPT else _many_counters(n, device)


def _many_counters(n: int, device: torch.device) -> Tensor:
    return torch.arange(n, dtype=torch.int32, device=device).mul_(_signed(_GOLDEN))


_few_counters = lru_cache(maxsize=32)(_many_counters)


def _signed(number: int) -> int:
    """The int32 that has the bits of an unsigned number."""
    return number - (1 << 32) if number >= 1 << 31 else number


def _splitmix(x: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint64]:
    with np.errstate(over="ignore"):
        x = np.asarray(x + np.uint64(0x9E3779B97F4A7C15))
        x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        return np.asarray(x ^ (x >> np.uint64(31)))
