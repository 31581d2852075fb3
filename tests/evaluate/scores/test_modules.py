"""Module detection: perfect and shuffled profiles, the sampler, a plain loop, small and impossible cases."""

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.cluster.hierarchy import fcluster, linkage
from sklearn.metrics import adjusted_mutual_info_score

from multiscope.errors import InputError
from multiscope.evaluate.scores.dendrogram import Distance, condensed_distances
from multiscope.evaluate.scores.halves import tuning_half
from multiscope.evaluate.scores.members import ProfiledTerms, profiled_terms
from multiscope.evaluate.scores.module_sets import ModuleSet, draw_modules
from multiscope.evaluate.scores.modules import module_scores
from multiscope.evaluate.scores.score import Score
from multiscope.standards.standard import Standard

DISTANCES: tuple[Distance, ...] = ("cosine", "euclidean")


def limits_of(terms: dict[str, set[str]], *, min_term_size: int = 2) -> ProfiledTerms:
    members = {name: frozenset(term) for name, term in terms.items()}
    standard = Standard("made", "complex", members, "none (generated)", "name", "1", "CC0", "")
    proteins = sorted(standard.proteins)
    return profiled_terms(standard, proteins, min_term_size=min_term_size, max_term_size=300)


def grouped(n_terms: int, size: int) -> ProfiledTerms:
    return limits_of({f"t{k}": {f"p{k:03d}_{i}" for i in range(size)} for k in range(n_terms)})


def overlapping(seed: int, n: int = 90, n_terms: int = 40) -> ProfiledTerms:
    rng = np.random.default_rng(seed)
    names = [f"p{i:03d}" for i in range(n)]
    return limits_of(
        {f"t{k}": set(rng.choice(names, rng.integers(1, 7)).tolist()) for k in range(n_terms)}, min_term_size=1
    )


def scores(x: npt.ArrayLike, limits: ProfiledTerms, **kwargs: Any) -> dict[str, Score]:
    settings: dict[str, Any] = {"n_cuts": 50, "n_samples": 4, "seed": 0, "confidence": 0.95, **kwargs}
    return {score.metric: score for score in module_scores(np.asarray(x), limits, **settings)}


def clustered(n_terms: int, size: int, noise: float, seed: int = 0) -> npt.NDArray[np.float64]:
    rng = np.random.default_rng(seed)
    centres = np.repeat(rng.normal(size=(n_terms, 16)), size, axis=0)
    return np.asarray(centres + noise * rng.normal(size=centres.shape))


def test_a_perfect_embedding_scores_exactly_one() -> None:
    found = scores(np.repeat(np.eye(20), 4, axis=0), grouped(20, 4))
    for metric in ("ami", "ami_best"):
        assert (found[metric].value, found[metric].ci_low, found[metric].ci_high) == (1, 1, 1)
    assert found["ami_best"].facts["n_clusters"] == 20
    assert found["ami"].facts["n_clusters"] == found["ami"].facts["n_modules"]
    assert found["ami"].chance == 0 < found["ami_best"].chance < 0.2


def test_shuffled_profiles_score_near_their_chance() -> None:
    limits = grouped(40, 5)
    found = [scores(np.random.default_rng(seed).normal(size=(200, 16)), limits) for seed in range(12)]
    tuned, best = (np.array([each[metric].value for each in found]) for metric in ("ami", "ami_best"))
    error = tuned.std(ddof=1) / np.sqrt(len(tuned))
    assert abs(tuned.mean()) < 4 * error < 0.05
    # the best of a grid on the same modules is above what chance gives one clustering
    chance = np.mean([each["ami_best"].chance for each in found])
    error = best.std(ddof=1) / np.sqrt(len(best))
    assert abs(best.mean() - chance) < 4 * error + 0.003
    assert chance > 0.01


def test_better_profiles_score_higher() -> None:
    limits = grouped(30, 5)
    found = [scores(clustered(30, 5, noise), limits) for noise in (0.3, 0.8, 2)]
    for metric in ("ami", "ami_best"):
        values = [each[metric].value for each in found]
        assert values[0] > values[1] > values[2] > found[2][metric].chance


@pytest.mark.parametrize("ties", [False, True])
def test_the_whole_grid_equals_a_plain_loop(ties: bool) -> None:
    limits = overlapping(3)
    rng = np.random.default_rng(0)
    shape = (len(limits.proteins), 3)
    x = rng.integers(1, 3, shape).astype(float) if ties else rng.normal(size=shape) + 0.5
    found = scores(x, limits, n_samples=3, n_cuts=20)
    best, tuning, others = [], [], []
    for sample in range(3):
        modules = draw_modules(limits, np.random.default_rng([0, sample]))
        half = tuning_half(modules.names)
        best.append(plain(x, modules).max())
        tuning.append(plain(x, modules.part(half)))
        others.append(plain(x, modules.part(~half)))
    assert found["ami_best"].draws == pytest.approx(best, abs=1e-9)
    mean = np.mean(tuning, axis=0)
    assert found["ami"].facts["tuning_value"] == pytest.approx(mean.max(), abs=1e-9)
    near = mean > mean.max() - 1e-9
    setting = int(near.any(axis=1).argmax())
    cuts = np.flatnonzero(near[setting])
    chosen = [each[setting, cuts[len(cuts) // 2]] for each in others]
    assert found["ami"].draws == pytest.approx(chosen, abs=1e-9)
    assert found["ami"].facts["cut"] == cuts[len(cuts) // 2] / 19


def plain(x: npt.NDArray[np.float64], modules: ModuleSet) -> npt.NDArray[np.float64]:
    """AMI by loops over SciPy and scikit-learn, (6, 20)."""
    rows = []
    for distance in DISTANCES:
        # which of equal distances is first in a tree hangs on their last bits
        condensed = condensed_distances(x[modules.rows], modules.rows, distance)
        for kind in ("average", "single", "complete"):
            merges = linkage(condensed, kind)
            merges[:, 2] = np.round(merges[:, 2], 10)
            heights = np.linspace(0, merges[-1, 2], 20)
            labels = [fcluster(merges, height, "distance") for height in heights]
            rows.append([adjusted_mutual_info_score(modules.module, label) for label in labels])
    return np.array(rows)


@given(seed=st.integers(0, 10**6))
def test_the_sampler_takes_no_protein_twice_and_whole_modules(seed: int) -> None:
    limits = overlapping(seed)
    modules = draw_modules(limits, np.random.default_rng(seed))
    assert len(set(modules.rows.tolist())) == len(modules.rows)
    assert len(set(modules.names)) == len(modules.names)
    for number, name in enumerate(modules.names):
        members = {limits.proteins[row] for row in modules.rows[modules.module == number]}
        assert members == limits.terms[name]
        assert len(members) > 1
    half = tuning_half(modules.names)
    parts = modules.part(half), modules.part(~half)
    assert sorted(modules.rows) == sorted([*parts[0].rows, *parts[1].rows])
    for part in parts:
        for row, number in zip(part.rows, part.module, strict=True):
            assert limits.proteins[row] in limits.terms[part.names[number]]


def test_modules_are_drawn_evenly() -> None:
    limits = limits_of({"a": {"1", "2"}, "b": {"2", "3"}, "c": {"3", "1"}})
    drawn = [draw_modules(limits, np.random.default_rng(seed)).names for seed in range(600)]
    assert all(len(names) == 1 for names in drawn)
    for name in "abc":
        assert drawn.count([name]) == pytest.approx(200, abs=60)


def test_the_same_call_gives_the_same_numbers_and_sets_do_not_depend_on_profiles() -> None:
    limits, x = overlapping(5), np.random.default_rng(0).normal(size=(90, 4))
    x = x[: len(limits.proteins)]
    once, again, other = (scores(x, limits, seed=seed) for seed in (0, 0, 1))
    for metric in once:
        assert np.array_equal(once[metric].draws, again[metric].draws, equal_nan=True)
        assert (once[metric].chance, dict(once[metric].facts)) == (again[metric].chance, dict(again[metric].facts))
        assert not np.array_equal(once[metric].draws, other[metric].draws)
    gained = scores(1e5 * x, limits)
    assert gained["ami"].draws == pytest.approx(once["ami"].draws, abs=1e-9)


def test_what_is_reported_has_no_part_in_the_choice() -> None:
    limits = grouped(20, 4)
    x = clustered(20, 4, noise=0.8)
    tuning = np.array([tuning_half([f"t{int(name[1:4])}"])[0] for name in limits.proteins])
    changed = np.where(tuning[:, None], x, np.random.default_rng(1).normal(size=x.shape))
    once, other = scores(x, limits)["ami"], scores(changed, limits)["ami"]
    for fact in ("linkage", "distance", "cut", "tuning_value"):
        assert once.facts[fact] == other.facts[fact]
    assert once.value > other.value + 0.2


def test_two_modules_have_a_best_but_no_halves() -> None:
    found = scores(np.repeat(np.eye(2), 2, axis=0), grouped(2, 2))
    assert list(found) == ["ami_best"]
    assert found["ami_best"].value == 1


def test_sets_with_too_few_modules_are_left_out() -> None:
    # all proteins in one module, or in two
    limits = limits_of({"all": {"1", "2", "3", "4"}, "a": {"1", "2"}, "b": {"3", "4"}})
    draws = scores(np.repeat(np.eye(2), 2, axis=0), limits, n_samples=20)["ami_best"].draws
    assert 0 < np.isnan(draws).sum() < 20
    assert np.nanmin(draws) == 1


def test_one_cut_one_set_and_one_setting() -> None:
    found = scores(
        clustered(12, 4, 0.2), grouped(12, 4), n_cuts=1, n_samples=1, linkages=["single"], distances=["euclidean"]
    )
    assert found["ami_best"].value == 0
    assert found["ami"].facts["cut"] == 0


@pytest.mark.parametrize(
    ("terms", "rows", "said"),
    [
        ({"t": {"a", "b"}, "u": {"b", "c"}}, np.eye(3), r"'made': no two of its 2 terms have 2 profiled members each"),
        ({"t": {"a", "b"}, "u": {"c", "d"}}, np.ones((4, 2)), "all 4 profiles are equal, so they form no clusters"),
        ({"t": {"a", "b"}, "u": {"c", "d"}}, np.eye(4)[:, :3], "profile of protein 'd' has only zeros"),
        ({"t": {"a", "b"}, "u": {"c", "d"}}, np.full((4, 2), np.inf), "profile of protein 'a' has values that are not"),
    ],
)
def test_what_cannot_be_scored_is_said_in_one_line(
    terms: dict[str, set[str]], rows: npt.NDArray[np.float64], said: str
) -> None:
    with pytest.raises(InputError, match=said) as error:
        scores(rows, limits_of(terms))
    assert "\n" not in str(error.value)
