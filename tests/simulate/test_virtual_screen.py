"""Generated fields: reproducible, labelled right, and carrying the biology that was planted."""

from __future__ import annotations

import subprocess
import sys
from hashlib import sha256
from itertools import combinations

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from multiscope.config import VirtualScreen
from multiscope.errors import InputError
from multiscope.simulate import virtual_screen
from multiscope.simulate.virtual_screen import Field, field, proteins, standards


def screen(**values: object) -> VirtualScreen:
    return VirtualScreen.model_validate({"reader": "virtual_screen", **values})


SCREEN = screen()
TABLE = proteins(SCREEN)
FIELDS = {row: [field(SCREEN, row, number) for number in range(3)] for row in range(len(TABLE))}


def cells_of(made: Field) -> list[npt.NDArray[np.bool_]]:
    """Masks of the cells that the border does not cut."""
    border = np.concatenate([made.labels[0], made.labels[-1], made.labels[:, 0], made.labels[:, -1]])
    return [made.labels == label for label in range(1, int(made.labels.max()) + 1) if label not in border]


def test_the_table_names_every_protein_once_in_its_place() -> None:
    assert list(TABLE.columns) == ["protein", "symbol", "compartment", "process", "complex"]
    assert len(TABLE) == 6 * 2 * 2 * 2
    assert TABLE["protein"].is_unique and TABLE["symbol"].is_unique
    assert TABLE.iloc[0].tolist() == ["VP001", "NUC1A1", "nucleus", "NUC1", "NUC1A"]
    assert (TABLE.groupby("complex")["process"].nunique() == 1).all()
    assert (TABLE.groupby("process")["compartment"].nunique() == 1).all()


def test_standards_hold_each_protein_once_a_scale() -> None:
    terms = standards(TABLE)
    assert {scale: len(terms[scale]) for scale in terms} == {"compartment": 6, "process": 12, "complex": 24}
    for scale, members in terms.items():
        assert sorted(p for term in members.values() for p in term) == TABLE["protein"].tolist()
        for term, names in members.items():
            assert TABLE[TABLE[scale] == term]["protein"].tolist() == names


def test_a_compartment_named_twice_is_refused() -> None:
    with pytest.raises(InputError, match="named twice"):
        proteins(screen().model_copy(update={"compartments": ["er", "er"]}))


def test_a_seed_gives_the_same_bytes_in_another_process() -> None:
    code = (
        "from hashlib import sha256; from multiscope.config import VirtualScreen;"
        "from multiscope.simulate.virtual_screen import field;"
        "f = field(VirtualScreen(reader='virtual_screen'), 9, 1);"
        "print(sha256(f.image.tobytes() + f.labels.tobytes()).hexdigest())"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    made = field(SCREEN, 9, 1)
    assert run.stdout.strip() == sha256(made.image.tobytes() + made.labels.tobytes()).hexdigest()


def test_another_seed_gives_other_cells_of_the_same_proteins() -> None:
    other = screen(seed=1)
    assert proteins(other).equals(TABLE)
    assert (field(other, 0, 0).labels != FIELDS[0][0].labels).mean() > 0.1


def test_proteins_and_fields_have_cells_of_their_own() -> None:
    seen = {sha256(made.labels.tobytes()).digest() for fields in FIELDS.values() for made in fields}
    assert len(seen) == 3 * len(TABLE)


def test_a_screen_that_grows_keeps_the_cells_it_had() -> None:
    larger = screen(complexes_per_process=3, compartments=["vacuole", "nucleus"], fields_per_protein=9)
    row = proteins(larger)["symbol"].tolist().index("NUC2B1")
    before = TABLE["symbol"].tolist().index("NUC2B1")
    np.testing.assert_array_equal(field(larger, row, 0).image, FIELDS[before][0].image)


@given(
    size=st.integers(96, 260),
    n=st.integers(1, 60),
    pixel=st.sampled_from([0.1, 0.16, 0.3]),
    compartment=st.sampled_from(
        ["nucleus", "cytoplasm", "er", "mitochondrion", "vacuole", "cell_periphery", "punctate"]
    ),
    seed=st.integers(0, 2**31),
    effect=st.sampled_from([0.0, 3.0, 10.0]),
)
@settings(max_examples=25, deadline=None)
def test_any_screen_gives_whole_fields(
    size: int, n: int, pixel: float, compartment: str, seed: int, effect: float
) -> None:
    other = "nucleus" if compartment != "nucleus" else "er"
    config = screen(
        field_size=size,
        cells_per_field=n,
        pixel_size_um=pixel,
        compartments=[compartment, other],
        seed=seed,
        effects={"process": effect, "complex": effect, "protein": effect},
    )
    made = field(config, 0, 0)
    assert made.image.shape == (2, size, size) and made.image.dtype == np.uint16
    assert made.labels.shape == (size, size) and made.labels.dtype == np.uint32
    numbers = np.unique(made.labels[made.labels > 0])
    assert 1 <= len(numbers) <= n
    assert numbers.tolist() == list(range(1, len(numbers) + 1)), "every cell is seen and numbered in turn"
    assert np.percentile(made.image[0], 0.1) > 60 and made.image.max() < 30000


@pytest.mark.parametrize("row", range(0, len(TABLE), 8))
def test_labels_match_the_cells_that_are_seen(row: int) -> None:
    made = FIELDS[row][0]
    marker = ndimage.gaussian_filter(made.image[1].astype(float), 1)
    seen = marker > 100 + 0.22 * (np.percentile(marker, 99) - 100)
    labelled = made.labels > 0
    assert (seen & labelled).sum() / (seen | labelled).sum() > 0.85


def test_crowded_cells_are_left_out_and_never_overlap() -> None:
    made = field(screen(cells_per_field=200, field_size=128), 0, 0)
    assert 8 < made.labels.max() < 60
    for label in range(1, int(made.labels.max()) + 1):
        around = ndimage.binary_dilation(made.labels == label)
        assert set(np.unique(made.labels[around])) <= {0, label}


def test_cells_that_do_not_fit_into_the_field_are_refused() -> None:
    with pytest.raises(InputError, match=r"pixels long; expected 10 to 96 \(field_size\)"):
        field(screen(pixel_size_um=0.05, field_size=96), 0, 0)


@pytest.mark.parametrize(("row", "number"), [(-1, 0), (48, 0), (0, -1)])
def test_a_field_that_does_not_exist_is_refused(row: int, number: int) -> None:
    with pytest.raises(IndexError):
        field(SCREEN, row, number)


def features(made: Field) -> npt.NDArray[np.float64]:
    """A few plain features of each whole cell of a field: (cells, 7)."""
    protein, marker = made.image[0] - 100.0, made.image[1] - 100.0
    grain = ndimage.gaussian_laplace(protein, 1.2)
    rows = []
    for mask in cells_of(made):
        values, mean = protein[mask], protein[mask].mean()
        depth = ndimage.distance_transform_edt(mask)[mask]
        depth /= depth.max()
        low, middle, high = np.log(np.maximum(np.percentile(values, [10, 50, 95]), 5))
        rows.append(
            [
                np.log(mean),
                low - np.log(mean),
                middle - np.log(mean),
                high - np.log(mean),
                np.corrcoef(values, depth)[0, 1],
                np.corrcoef(values, marker[mask])[0, 1],
                np.log(grain[mask].std() / mean),
            ]
        )
    return np.array(rows)


@pytest.fixture(scope="module")
def profiles() -> npt.NDArray[np.float64]:
    """Mean features of each protein, in units of the cell-to-cell spread of each feature."""
    cells = [np.concatenate([features(made) for made in FIELDS[row]]) for row in FIELDS]
    spread = np.sqrt(np.mean([c.var(axis=0) for c in cells], axis=0))
    return np.stack([c.mean(axis=0) for c in cells]) / spread


def test_compartments_lie_where_their_names_say(profiles: npt.NDArray[np.float64]) -> None:
    def edge_share(row: int) -> float:
        """Brightness of the outer fifth of a cell against its mean."""
        ratios = []
        for made in FIELDS[row]:
            for mask in cells_of(made):
                depth = ndimage.distance_transform_edt(mask)
                values = made.image[0] - 100.0
                ratios.append(values[mask & (depth < 0.2 * depth.max())].mean() / values[mask].mean())
        return float(np.mean(ratios))

    rows = {name: TABLE.index[TABLE["compartment"] == name].tolist() for name in TABLE["compartment"].unique()}
    edge = {name: np.array([edge_share(row) for row in rows[name][::2]]) for name in rows}
    assert edge["nucleus"].max() < edge["cytoplasm"].min() < edge["cell_periphery"].min()
    assert edge["vacuole"].max() < edge["cytoplasm"].min()
    marker_correlation = {name: profiles[rows[name], 5] for name in rows}
    assert marker_correlation["vacuole"].max() < marker_correlation["nucleus"].min()


def test_the_nearest_protein_shares_the_compartment(profiles: npt.NDArray[np.float64]) -> None:
    distance = np.linalg.norm(profiles[:, None] - profiles[None], axis=-1)
    np.fill_diagonal(distance, np.inf)
    compartment = TABLE["compartment"].to_numpy()
    assert np.mean(compartment == compartment[distance.argmin(axis=1)]) > 0.95


def test_members_of_a_complex_are_nearer_than_of_a_process_than_of_a_compartment(
    profiles: npt.NDArray[np.float64],
) -> None:
    found: dict[str, list[float]] = {"complex": [], "process": [], "compartment": []}
    for first, second in combinations(range(len(TABLE)), 2):
        shared = [scale for scale in found if TABLE[scale][first] == TABLE[scale][second]]
        if shared:
            found[shared[0]].append(float(np.linalg.norm(profiles[first] - profiles[second])))
    median = {scale: np.median(distances) for scale, distances in found.items()}
    assert 2 * median["complex"] < median["process"] < median["compartment"]


def test_without_effects_proteins_of_a_compartment_look_alike(profiles: npt.NDArray[np.float64]) -> None:
    config = screen(effects={"process": 0, "complex": 0, "protein": 0}, compartments=["nucleus", "cytoplasm"])
    cells = [np.concatenate([features(field(config, row, number)) for number in range(3)]) for row in range(16)]
    spread = np.sqrt(np.mean([c.var(axis=0) for c in cells], axis=0))
    alike = np.stack([c.mean(axis=0) for c in cells]) / spread

    def between_processes(means: npt.NDArray[np.float64]) -> float:
        return float(np.mean([np.linalg.norm(means[i] - means[i + 4]) for i in (0, 1, 2, 3, 8, 9, 10, 11)]))

    assert between_processes(alike) < 1.5 < between_processes(profiles[:16])


def test_channels_are_named() -> None:
    assert FIELDS[0][0].channels == virtual_screen.CHANNELS == ("protein", "cytosol")
