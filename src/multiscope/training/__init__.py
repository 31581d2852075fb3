"""The one training loop: device, order of samples, checkpoints, resume, history."""
