"""How near an image is to the clean one, how near two sets of images are, and how sure a mean is.

Where the clean image is constant, scores that are relative to its content (`nrmse`, `frc`, `frc_resolution`) are NaN.
A constant image beside a clean one that is not has the worst scores, never NaN: NaN depends on the clean image alone,
so every method is averaged over the same images.
"""
