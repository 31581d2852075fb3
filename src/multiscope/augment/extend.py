"""Teaching a trained generator a defect it does not know, by new rows of its conditional norms alone.

That is what conditional instance normalization is for (Dumoulin et al. 2017, section 3.2), and what Razdaibiedina et
al. 2019 did not show: all shared weights and the rows of the known defects stay as they are.
"""

from __future__ import annotations

from pathlib import Path

from multiscope.augment.cin_gan import Generator
from multiscope.errors import InputError
from multiscope.folders.manifest import verify
from multiscope.nn.cards import build_network, load_network
from multiscope.nn.cin import add_conditions


def extended_generator(folder: Path, defects: list[str]) -> Generator:
    """The generator in `folder`, with rows for those of the `defects` that it does not know."""
    verify(folder, made_by=["augment"])
    known, card = load_network(folder)
    conditions: list[str] = card["conditions"]
    learned = [name for name in defects if name not in conditions]
    if not learned:
        raise InputError(
            f"augment.cin_gan.extend: {folder} knows all defects of the data set already ({', '.join(conditions)}); "
            "remove the key, or add a defect"
        )
    arguments = card["arguments"] | {"n_conditions": len(conditions) + len(learned)}
    network = build_network(card["architecture"], arguments)
    add_conditions(known, network)
    return Generator(network, card["architecture"], arguments, conditions + learned, learned)
