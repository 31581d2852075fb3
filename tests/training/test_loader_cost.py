from __future__ import annotations

from benchmarks.loader import Cost, cost, line


def test_the_benchmark_of_the_loader_runs() -> None:
    found = cost(n=40, rounds=2, width=0.03, batch_size=8)
    assert list(found) == ["inline", "prefetch"]
    for of in found.values():
        assert of.step_seconds > 0 and -1 < of.cpu[0] <= of.cpu[1] <= of.cpu[2]


def test_the_verdict_is_on_the_median() -> None:
    assert line("x", Cost((-0.5, 0.029, 0.9), (0.1, 0.2, 0.3), 1.0)).startswith("PASS x: CPU +2.9% (-50.0% to +90.0%)")
    assert line("x", Cost((-0.5, 0.031, 0.9), (0.1, 0.2, 0.3), 1.0)).startswith("FAIL")
