"""A layer of codes (van den Oord et al. 2017, "Neural discrete representation learning").

Each vector becomes the nearest of a few codes, and the gradient goes through as if it had not. The codes are not
parameters but running means of the vectors that they stand for (appendix A.1 there), which needs no rate of its own. A
code that is hardly used is put upon a vector of the batch (Dhariwal et al. 2020, "Jukebox", section 3.1); all codes
begin so, with the first batch.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

_DECAY = 0.99
_DEAD = 0.02
"""Share of an even use below which a code is put elsewhere."""


class Quantized(NamedTuple):
    """Vectors as codes."""

    vectors: Tensor
    """(N, dims, H, W); the nearest codes, whose gradient is that of the vectors themselves."""
    codes: Tensor
    """(N, H, W) int64, 0 to the number of codes minus 1."""
    commitment: Tensor
    """Mean squared distance of the vectors from their codes, a scalar; it draws vectors to codes."""
    perplexity: Tensor
    """exp of the entropy of the use of codes, a scalar from 1 to the number of codes."""


class VectorQuantizer(nn.Module):
    """Nearest of `codes` codes, each a vector of length `dims`; learned in training mode, without any optimizer."""

    book: Tensor
    use: Tensor
    sums: Tensor

    def __init__(self, *, codes: int, dims: int) -> None:
        """`book` (codes, dims); `use` is the running use of each code, 1 where all are used evenly."""
        super().__init__()
        self.register_buffer("book", torch.randn(codes, dims))
        self.register_buffer("use", torch.zeros(codes))
        self.register_buffer("sums", torch.zeros(codes, dims))

    def forward(self, maps: Tensor) -> Quantized:
        """Codes of the vectors at each place of maps (N, dims, H, W); in training mode the codes learn from them."""
        # 16 bits could not tell codes apart that are near each other
        with torch.autocast(maps.device.type, enabled=False):
            vectors = maps.float().movedim(1, -1)
            flat = vectors.detach().flatten(0, -2)
            if self.training:
                self._revive(flat)
            nearest = self.nearest(flat)
            found = self.book[nearest].view(vectors.shape)
            taken = F.one_hot(nearest, len(self.book)).float()
            if self.training:
                self._learn(flat, taken)
            share = taken.mean(dim=0)
            return Quantized(
                vectors=(vectors + (found - vectors).detach()).movedim(-1, 1),
                codes=nearest.view(vectors.shape[:-1]),
                commitment=F.mse_loss(vectors, found),
                perplexity=torch.special.entr(share).sum().exp(),
            )

    def nearest(self, vectors: Tensor) -> Tensor:
        """Numbers (M,) of the codes nearest to vectors (M, dims), the first of those equally near."""
        return (self.book.square().sum(dim=1) - 2 * vectors @ self.book.T).argmin(dim=1)

    @torch.no_grad()
    def _revive(self, vectors: Tensor) -> None:
        """Put codes that are hardly used upon vectors of the batch drawn at random; they have time to prove useful."""
        dead = self.use < _DEAD
        drawn = vectors[torch.randint(len(vectors), (len(self.book),), device=vectors.device)]
        self.book.copy_(torch.where(dead[:, None], drawn, self.book))
        self.sums.copy_(torch.where(dead[:, None], drawn * 2 * _DEAD, self.sums))
        self.use.masked_fill_(dead, 2 * _DEAD)

    @torch.no_grad()
    def _learn(self, vectors: Tensor, taken: Tensor) -> None:
        """Move each code towards the mean of its vectors; `taken` (M, codes) is 1 where a vector takes a code."""
        even = len(vectors) / len(self.book)
        self.use.lerp_(taken.sum(dim=0) / even, 1 - _DECAY)
        self.sums.lerp_(taken.T @ vectors / even, 1 - _DECAY)
        self.book.copy_(self.sums / self.use[:, None])


def histogram(codes: Tensor, n_codes: int) -> Tensor:
    """Share (N, n_codes) of the places of each crop that take each code; `codes` is (N, H, W) int64."""
    flat = codes.flatten(1)
    n = len(flat)
    numbers = flat + n_codes * torch.arange(n, device=flat.device)[:, None]
    return torch.bincount(numbers.flatten(), minlength=n * n_codes).view(n, n_codes) / flat.shape[1]
