"""How often each test between two models says "better", when neither is better and when one is.

Each repetition draws 24 actors from a population (each with an offset of their own; four emotions as Gaussians in
2 x 10 dimensions), puts them into 4 actor-disjoint folds, and trains two real classifiers (linear discriminant
analysis) on all folds but one with 3 seeds, of which each takes four fifths of the training segments. One classifier
sees the first ten dimensions, the other the last ten, so they are exchangeable by construction. To make one better, the
other's emotions lie closer together, so far that expected UA differs by the given points, which is found on trainings
beforehand. The twelve differences then go through `pipeline.evaluation.comparison`, as those of a claim of
`results/comparisons.csv` do.

    python -m benchmarks.statistics [--repetitions 1000] [--calibration 1000] [--seed 0]

Prints a Markdown table of rejection rates at p < 0.05 (one-sided); the last line is JSON.
"""

from __future__ import annotations

import argparse
import json
import math
import time

import numpy as np
import pandas as pd
from scipy.optimize import brentq
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

from pipeline.core.errors import explained
from pipeline.core.source import refuse_other_code
from pipeline.evaluation.bootstrap import RunCounts, bootstrap_interval
from pipeline.evaluation.comparison import compare_differences
from pipeline.training.accuracy import unweighted_accuracy

CLASSES, FOLDS, SEEDS, DIMENSIONS = 4, 4, 3, 10
ACTORS, SEGMENTS = 24, 20  # six actors a fold; segments of each, five of each emotion
SEPARATION, OFFSET = 0.75, 0.5  # distance of the emotions' means from the origin, spread of the actors: UA about 60 %
DIFFERENCES = (0.0, 1.0, 2.0, 4.0)  # points of expected UA
ROPE = 1.0
COLUMNS = {
    "p": "the paper's paired t",
    "p_corrected": "corrected resampled t",
    "p_seed_mean": "t on fold means",
    "p_corrected_seed_mean": "corrected t on fold means",
    "p_wilcoxon": "Wilcoxon signed rank",
    "prob_better": "Bayesian, P(better by more than the ROPE) > 0.95",
    "actors": "actor bootstrap, 90 % interval above 0",
}


def emotion_means(separation: float) -> np.ndarray:
    """Corners of a simplex around the origin, (classes, dimensions)."""
    corners = np.zeros((CLASSES, DIMENSIONS))
    corners[:, :CLASSES] = np.eye(CLASSES) - 1 / CLASSES
    return separation * math.sqrt(2) * corners * 1.2


def draw(source: np.random.Generator, separations: tuple[float, float]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Segments of new actors: (segments, 2 x dimensions), their emotions and actors."""
    emotions = np.tile(np.repeat(np.arange(CLASSES), SEGMENTS // CLASSES), ACTORS)
    actors = np.repeat(np.arange(ACTORS), SEGMENTS)
    means = np.concatenate([emotion_means(separation)[emotions] for separation in separations], axis=1)
    offsets = OFFSET * source.standard_normal((ACTORS, 2 * DIMENSIONS))[actors]
    return means + offsets + source.standard_normal(means.shape), emotions, actors


def train(data: np.ndarray, emotions: np.ndarray, chosen: np.ndarray) -> LinearDiscriminantAnalysis:
    return LinearDiscriminantAnalysis(solver="lsqr", shrinkage=0.1).fit(data[chosen], emotions[chosen])


def experiment(source: np.random.Generator, separations: tuple[float, float]) -> tuple[pd.Series, tuple[dict, dict]]:
    """Differences in points by fold and seed, and the counts of both models for the bootstrap."""
    data, emotions, actors = draw(source, separations)
    fold_of_actor = source.permutation(np.arange(ACTORS) % FOLDS) + 1
    folds = fold_of_actor[actors]
    differences, counts = {}, ({}, {})
    for fold in range(1, FOLDS + 1):
        training, valid = np.flatnonzero(folds != fold), folds == fold
        for seed in range(1, SEEDS + 1):
            part = source.choice(training, size=len(training) * 4 // 5, replace=False)
            uas = []
            for model in (0, 1):
                seen = data[:, model * DIMENSIONS : (model + 1) * DIMENSIONS]
                predicted = train(seen, emotions, part).predict(seen[valid])
                uas.append(unweighted_accuracy(emotions[valid], predicted, CLASSES))
                hits = np.zeros((ACTORS, CLASSES))
                totals = np.zeros((ACTORS, CLASSES))
                np.add.at(totals, (actors[valid], emotions[valid]), 1)
                np.add.at(hits, (actors[valid], emotions[valid]), predicted == emotions[valid])
                here = fold_of_actor == fold
                names = tuple(map(str, np.flatnonzero(here)))
                counts[model][fold, seed] = RunCounts(names, totals[here], hits[here])
            differences[fold, seed] = uas[0] - uas[1]
    return pd.Series(differences).rename_axis(["fold", "seed"]), counts


def expected_ua(separation: float, repetitions: int) -> float:
    """Mean UA on new actors, with the same random numbers whatever the separation."""
    source = np.random.default_rng(1)
    uas = []
    for _ in range(repetitions):
        data, emotions, actors = draw(source, (separation, separation))
        training = actors < ACTORS * (FOLDS - 1) // FOLDS
        part = source.choice(np.flatnonzero(training), size=int(training.sum()) * 4 // 5, replace=False)
        for model in (0, 1):
            seen = data[:, model * DIMENSIONS : (model + 1) * DIMENSIONS]
            predicted = train(seen, emotions, part).predict(seen[~training])
            uas.append(unweighted_accuracy(emotions[~training], predicted, CLASSES))
    return float(np.mean(uas))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repetitions", type=int, default=1000)
    parser.add_argument("--calibration", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    begin = time.monotonic()
    top = expected_ua(SEPARATION, arguments.calibration)
    lower = {
        points: SEPARATION
        if points == 0
        else brentq(
            lambda x, points=points: top - points - expected_ua(x, arguments.calibration), 0.4, SEPARATION, xtol=1e-4
        )
        for points in DIFFERENCES
    }
    rates: dict[float, dict[str, float]] = {}
    spread = {}
    for points in DIFFERENCES:
        source = np.random.default_rng([arguments.seed, int(10 * points)])
        hits = dict.fromkeys(COLUMNS, 0)
        means = []
        for repetition in range(arguments.repetitions):
            # Which model is which must not matter.
            pair = (SEPARATION, lower[points])
            turned = repetition % 2 == 1
            differences, counts = experiment(source, pair[::-1] if turned else pair)
            if turned:
                differences, counts = -differences, counts[::-1]
            found = compare_differences(differences, FOLDS, ROPE)
            bounds = bootstrap_interval(*counts, level=0.9, draws=500)
            means.append(found.mean_difference)
            for name in COLUMNS:
                if name == "actors":
                    hits[name] += bounds is not None and bounds[0] > 0
                else:
                    value = getattr(found, name)
                    hits[name] += value is not None and (value > 0.95 if name == "prob_better" else value < 0.05)
        rates[points] = {name: count / arguments.repetitions for name, count in hits.items()}
        spread[points] = (round(float(np.mean(means)), 2), round(float(np.std(means)), 2))
    print(f"| column | test | {' | '.join(f'+{points:g}' if points else 'equal' for points in DIFFERENCES)} |")
    print(f"| --- | --- |{' ---: |' * len(DIFFERENCES)}")
    for name, title in COLUMNS.items():
        cells = " | ".join(f"{100 * rates[points][name]:.1f} %" for points in DIFFERENCES)
        print(f"| `{name}` | {title} | {cells} |")
    error = 100 * math.sqrt(0.05 * 0.95 / arguments.repetitions)
    print(
        json.dumps({
            "repetitions": arguments.repetitions, "expected_ua": round(top, 2), "rates": rates,
            "mean_and_sd_of_the_difference": spread, "standard_error_at_5_percent": round(error, 2),
            "seconds": round(time.monotonic() - begin),
        })
    )  # fmt: skip


if __name__ == "__main__":
    with explained("statistics"):
        refuse_other_code()
        main()
