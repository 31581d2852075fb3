"""Forward models of the imaging defects: what makes a degraded image of a clean one.

One module a model. `degrade` puts one on an image, `degrade_batch` on a batch of torch, with the same numbers;
`store.degrade_store` on whatever images are at a path. The settings are sections of the configuration, the formulas are
in docs/defects.md. Light is measured in units of the image itself, between its background and its peak, so 8-bit
nuclei, 16-bit camera counts and scaled patches are degraded alike.
"""

from multiscope.simulate.defects.degrade import degrade, degrade_batch, part_keys, plane_keys
from multiscope.simulate.defects.light import background, brightness, light_of

__all__ = ["background", "brightness", "degrade", "degrade_batch", "light_of", "part_keys", "plane_keys"]
