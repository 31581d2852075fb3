"""What a linear classifier can read from an embedding."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Matrix = npt.NDArray[np.floating]
Kinds = npt.NDArray[np.int64]
_STRENGTH = 1.0
_MOST_STEPS = 500


def probe(x: Matrix, kinds: Kinds, new: Matrix, truth: Kinds) -> npt.NDArray[np.bool_]:
    """Which of the samples `new` (m, d), of the kinds `truth` (m,), are named rightly after learning `x` (n, d).

    Multinomial logistic regression (scikit-learn, L2 of strength 1) of features scaled to mean 0 and variance 1 on the
    samples that it learns from. Kinds are whole numbers, two or more of them among `kinds` (n,).
    """
    import warnings

    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression

    x, new = np.asarray(x, dtype=np.float64), np.asarray(new, dtype=np.float64)
    mean, spread = x.mean(axis=0), x.std(axis=0)
    spread[spread < 1e-12] = 1.0
    classifier = LogisticRegression(C=_STRENGTH, max_iter=_MOST_STEPS)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # where it stops, it names nearly the same
        classifier.fit((x - mean) / spread, kinds)
    named: Kinds = classifier.predict((new - mean) / spread)
    return np.asarray(named == truth)
