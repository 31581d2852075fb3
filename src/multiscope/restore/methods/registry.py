"""Every restorer by the key `model` of its section; a new one is a module beside this, a section and a line here."""

from __future__ import annotations

from multiscope.restore.methods.care import CareRecipe
from multiscope.restore.methods.careamics import learn_care, learn_n2v
from multiscope.restore.methods.cgan import CGanRecipe
from multiscope.restore.methods.cyclegan import CycleGanRecipe
from multiscope.restore.methods.deblurgan import DeblurGanRecipe
from multiscope.restore.methods.filters import fit_filter
from multiscope.restore.methods.method import Method, by_steps
from multiscope.restore.methods.pix2pix import Pix2PixRecipe

METHODS: dict[str, Method] = {
    "cgan": by_steps(CGanRecipe),
    "care": by_steps(CareRecipe),
    "deblurgan": by_steps(DeblurGanRecipe),
    "cyclegan": by_steps(CycleGanRecipe),
    "pix2pix": by_steps(Pix2PixRecipe),
    "careamics_care": learn_care,
    "careamics_n2v": learn_n2v,
    "gaussian": fit_filter,
    "median": fit_filter,
    "nlm": fit_filter,
    "richardson_lucy": fit_filter,
}
