"""History of generated images for a critic (Shrivastava et al. 2017; Zhu et al. 2017, section 4).

"Learning from Simulated and Unsupervised Images through Adversarial Training", CVPR 2017, arXiv 1612.07828, section
2.3: a critic that is shown former results too does not forget what it learned of them.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor


class ImagePool:
    """Up to `size` former images; random numbers are those of torch's generator on the CPU."""

    def __init__(self, size: int) -> None:
        """`size` 0 keeps nothing."""
        self.size = size
        self._images: list[Tensor] = []

    def __len__(self) -> int:
        return len(self._images)

    def exchange(self, images: Tensor) -> Tensor:
        """For each of images (N, C, H, W) itself or, with probability one half, a former one whose place it takes.

        Until the pool is full each image is kept and given back.
        """
        if not self.size:
            return images
        given = []
        for image in images.detach():
            if len(self._images) < self.size:
                self._images.append(image.clone())
                given.append(image)
            elif torch.rand(()) < 0.5:
                place = int(torch.randint(self.size, ()))
                given.append(self._images[place].to(image))
                self._images[place] = image.clone()
            else:
                given.append(image)
        return torch.stack(given)

    def state_dict(self) -> dict[str, Tensor]:
        """The kept images, stacked (n, C, H, W); empty where there are none yet."""
        return {"images": torch.stack([image.cpu() for image in self._images]) if self._images else torch.empty(0)}

    def load_state_dict(self, state: Mapping[str, Tensor]) -> None:
        """Take over what `state_dict` gave."""
        self._images = list(state["images"])
