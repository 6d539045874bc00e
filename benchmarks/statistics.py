"""How often each test between two models says "better", when neither is better and when one is.

Each experiment draws actors from a population (each with an offset of their own; four emotions as Gaussians in 2 x 10
dimensions), puts them into 4 actor-disjoint folds, and trains two real classifiers on all folds but one. One classifier
sees the first ten dimensions, the other the last ten, so they are exchangeable by construction. To make one better, the
other's emotions lie closer together, so far that expected UA differs by the given points, which is found on trainings
beforehand. Twelve runs a model: 4 folds x 3 seeds, or 3 partitions x 4 folds x 1 seed. The twelve differences, and the
predictions by actor, then go through `pipeline.evaluation`, as those of a claim of `results/comparisons.csv` do.

Classifiers: `lda`, linear discriminant analysis, each run on four fifths of its training segments; `fixed`, the same
on all of them, so that seeds are equal; `elm`, 40 random hidden units and a ridge regression; `mlp`, a network of 12
hidden units, 40 steps of gradient descent from random weights.

    python -m benchmarks.statistics [--experiments 1000] [--out rates.jsonl] [--only NAME] [--light]

`--experiments` is the number without a difference; with one there are half as many, and half of either for `mlp`.
`--light` leaves out the bootstrap, Gap, one seed and gender, as experiments with a difference do. Each scenario goes to
`--out` when it is done, and what is there is not computed again. Prints Markdown tables: rates at p < 0.05, one-sided,
both directions counted where neither is better; width and coverage of 95 % intervals.
"""

from __future__ import annotations

import argparse
import json
import math
import time
from collections import defaultdict
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd
from scipy import stats

from pipeline.core.errors import explained
from pipeline.core.source import refuse_other_code
from pipeline.evaluation.actors import ActorTest, actor_test, test_of
from pipeline.evaluation.bootstrap import RunCounts, accuracy_of
from pipeline.evaluation.genders import gender_gap
from pipeline.evaluation.power import Noise, Plan, expected
from pipeline.evaluation.pseudo import Withheld, pseudo_values
from pipeline.evaluation.significance import correlated_t, fold_correction, interval, t_test

CLASSES, FOLDS, DIMENSIONS = 4, 4, 10
DIFFERENCES = (0.0, 1.0, 2.0, 4.0)  # points of expected UA
DESIGNS = {"4 folds x 3 seeds": (1, 3), "3 partitions x 4 folds": (3, 1)}  # partitions, seeds
SEPARATION, OFFSET = 0.75, 0.5  # distance of the emotions' means from the origin, spread of the actors: UA about 60 %
SEPARATIONS = (0.45, 0.55, 0.65, 0.75)  # where expected UA is measured to find differences
UNBALANCED = (0.45, 0.3, 0.15, 0.1)  # shares of the emotions
ROPE = 1.0
DRAWS = 500


@dataclass(frozen=True)
class Scenario:
    """A population and a kind of classifier; `segments` of each actor."""

    name: str
    classifier: str
    actors: int = 24
    segments: int = 20
    unbalanced: bool = False


SCENARIOS = (
    Scenario("LDA", "lda"),
    Scenario("ELM", "elm"),
    Scenario("MLP", "mlp"),
    Scenario("LDA, unbalanced", "lda", unbalanced=True),
    Scenario("ELM, unbalanced", "elm", unbalanced=True),
    Scenario("LDA, seeds are equal", "fixed"),
    Scenario("LDA, 12 actors x 40", "lda", actors=12, segments=40),
    Scenario("ELM, 12 actors x 40", "elm", actors=12, segments=40),
    Scenario("LDA, 96 actors", "lda", actors=96),
    Scenario("ELM, 96 actors", "elm", actors=96),
)


def emotion_means(separation: float) -> np.ndarray:
    """Corners of a simplex around the origin, (classes, dimensions)."""
    corners = np.zeros((CLASSES, DIMENSIONS))
    corners[:, :CLASSES] = np.eye(CLASSES) - 1 / CLASSES
    return separation * math.sqrt(2) * corners * 1.2


def draw(
    source: np.random.Generator, scenario: Scenario, separations: tuple[float, float]
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Segments of new actors: (segments, 2 x dimensions), their emotions and actors."""
    count = scenario.actors * scenario.segments
    actors = np.repeat(np.arange(scenario.actors), scenario.segments)
    emotions = np.tile(np.arange(scenario.segments) % CLASSES, scenario.actors)
    if scenario.unbalanced:
        emotions = source.choice(CLASSES, size=count, p=UNBALANCED)
    means = np.concatenate([emotion_means(separation)[emotions] for separation in separations], axis=1)
    offsets = OFFSET * source.standard_normal((scenario.actors, 2 * DIMENSIONS))[actors]
    return means + offsets + source.standard_normal(means.shape), emotions, actors


def class_weights(emotions: np.ndarray, chosen: np.ndarray) -> np.ndarray:
    """(runs, segments) weights of training segments, with the same sum for each class."""
    onehot = np.eye(CLASSES)[emotions]
    return chosen * ((1 / np.maximum(chosen @ onehot, 1)) @ onehot.T)


def lda(data: np.ndarray, emotions: np.ndarray, chosen: np.ndarray, source: np.random.Generator) -> np.ndarray:
    """Predictions of every run for every segment, (runs, segments); `chosen` has 1 where a run trains on a segment."""
    onehot = np.eye(CLASSES)[emotions]
    sums = np.einsum("jn,nc,nd->jcd", chosen, onehot, data, optimize=True)
    numbers = chosen @ onehot
    means = sums / numbers[:, :, None]
    products = (data[:, :, None] * data[:, None, :]).reshape(len(data), -1)
    second = (chosen @ products).reshape(len(chosen), DIMENSIONS, DIMENSIONS)
    within = second - np.einsum("jc,jcd,jce->jde", numbers, means, means)
    within /= numbers.sum(axis=1)[:, None, None]
    level = np.trace(within, axis1=1, axis2=2)[:, None, None] / DIMENSIONS
    within = 0.9 * within + 0.1 * level * np.eye(DIMENSIONS)
    weights = np.linalg.solve(within, means.transpose(0, 2, 1))
    offsets = -0.5 * np.einsum("jcd,jdc->jc", means, weights)
    return (data @ weights + offsets[:, None]).argmax(axis=2)


def part_lda(data: np.ndarray, emotions: np.ndarray, chosen: np.ndarray, source: np.random.Generator) -> np.ndarray:
    """`lda` on four fifths of the training segments of each run, drawn by chance."""
    order = np.where(chosen > 0, source.random(chosen.shape), 2.0)
    keep = np.take_along_axis(np.sort(order, axis=1), (chosen.sum(axis=1) * 4 / 5).astype(int)[:, None], axis=1)
    return lda(data, emotions, (order < keep).astype(float), source)


def elm(data: np.ndarray, emotions: np.ndarray, chosen: np.ndarray, source: np.random.Generator) -> np.ndarray:
    """As `lda`, of random hidden units and a ridge regression."""
    units = 40
    first = source.standard_normal((len(chosen), DIMENSIONS, units)) / math.sqrt(DIMENSIONS)
    hidden = np.tanh(data @ first + source.standard_normal((len(chosen), 1, units)))
    weighted = hidden * class_weights(emotions, chosen)[:, :, None] * (chosen.sum(axis=1) / CLASSES)[:, None, None]
    gram = hidden.transpose(0, 2, 1) @ weighted + 3.0 * np.eye(units)
    targets = weighted.transpose(0, 2, 1) @ (np.eye(CLASSES)[emotions] - 1 / CLASSES)
    return (hidden @ np.linalg.solve(gram, targets)).argmax(axis=2)


def mlp(data: np.ndarray, emotions: np.ndarray, chosen: np.ndarray, source: np.random.Generator) -> np.ndarray:
    """As `lda`, of networks with a hidden layer, trained by gradient descent with momentum."""
    units, steps, rate = 12, 40, 0.5
    x = data.astype(np.float32)
    truth = np.eye(CLASSES, dtype=np.float32)[emotions]
    weight = (class_weights(emotions, chosen) / CLASSES).astype(np.float32)[:, :, None]
    runs = len(chosen)
    shapes = ((runs, DIMENSIONS, units), (runs, 1, units), (runs, units, CLASSES), (runs, 1, CLASSES))
    scales = (1 / math.sqrt(DIMENSIONS), 0.0, 1 / math.sqrt(units), 0.0)
    weights = [
        scale * source.standard_normal(shape, dtype=np.float32) for shape, scale in zip(shapes, scales, strict=True)
    ]
    moments = [np.zeros_like(one) for one in weights]
    for _ in range(steps):
        hidden = np.tanh(x @ weights[0] + weights[1])
        scores = hidden @ weights[2] + weights[3]
        scores = np.exp(scores - scores.max(axis=2, keepdims=True))
        error = weight * (scores / scores.sum(axis=2, keepdims=True) - truth)
        back = (error @ weights[2].transpose(0, 2, 1)) * (1 - hidden * hidden)
        slopes = (
            x.T @ back, back.sum(axis=1, keepdims=True),
            hidden.transpose(0, 2, 1) @ error, error.sum(axis=1, keepdims=True),
        )  # fmt: skip
        for one, moment, slope in zip(weights, moments, slopes, strict=True):
            moment *= 0.9
            moment -= rate * slope
            one += moment
    return (np.tanh(x @ weights[0] + weights[1]) @ weights[2] + weights[3]).argmax(axis=2)


TRAIN = {"lda": part_lda, "fixed": lda, "elm": elm, "mlp": mlp}


@dataclass(frozen=True)
class Outcome:
    """Counts of both models by run, and the difference of their Gaps by run."""

    counts: tuple[dict, dict]
    gaps: pd.Series


def experiment(
    source: np.random.Generator, scenario: Scenario, separations: tuple[float, float], repeats: int, seeds: int
) -> Outcome:
    """Both models trained and validated on actors of one draw."""
    data, emotions, actors = draw(source, scenario, separations)
    runs, valid = [], []
    for repeat in range(1, repeats + 1):
        fold_of_actor = source.permutation(np.arange(scenario.actors) % FOLDS) + 1
        for fold in range(1, FOLDS + 1):
            for seed in range(1, seeds + 1):
                runs.append((repeat, fold, seed))
                valid.append(fold_of_actor == fold)
    here = np.array(valid)  # (runs, actors)
    chosen = 1.0 - here[:, actors]
    cells = np.zeros((len(data), scenario.actors * CLASSES))
    cells[np.arange(len(data)), actors * CLASSES + emotions] = 1
    totals = cells.sum(axis=0).reshape(scenario.actors, CLASSES)
    names = np.array([f"a{actor:03d}" for actor in range(scenario.actors)])
    counts, training = ({}, {}), []
    shared = source.integers(2**32)
    for model in (0, 1):
        seen = data[:, model * DIMENSIONS : (model + 1) * DIMENSIONS]
        # Seeds are those of the runs, for both models.
        predicted = TRAIN[scenario.classifier](seen, emotions, chosen, np.random.default_rng(shared))
        hits = ((predicted == emotions) @ cells).reshape(len(runs), scenario.actors, CLASSES)
        for run, one, right in zip(runs, here, hits, strict=True):
            counts[model][run] = RunCounts(tuple(names[one]), totals[one], right[one])
        learned = (hits * ~here[:, :, None]).sum(axis=1) / np.maximum((totals * ~here[:, :, None]).sum(axis=1), 1)
        training.append(100 * learned.mean(axis=1))
    index = pd.MultiIndex.from_tuples(runs, names=["repeat", "fold", "seed"])
    uas = [np.array([accuracy_of(one) for one in counts[model].values()]) for model in (0, 1)]
    gaps = (training[1] - uas[1]) - (training[0] - uas[0])
    return Outcome(counts, pd.Series(gaps, index=index))


def difference_of(counts: tuple[dict, dict]) -> pd.Series:
    values = {run: accuracy_of(counts[0][run]) - accuracy_of(counts[1][run]) for run in counts[0]}
    return pd.Series(values).rename_axis(["repeat", "fold", "seed"])


def one_seed(counts: dict) -> dict:
    return {run: one for run, one in counts.items() if run[0] == run[2] == 1}


def tests(outcome: Outcome, *, light: bool) -> dict[str, tuple[float, float, float]]:
    """By name: one-sided p that the first model is better, and the bounds of a 95 % interval (NaN without)."""
    nan, differences = math.nan, difference_of(outcome.counts)
    values = differences.to_numpy()
    by_fold = differences.groupby(level=["repeat", "fold"]).mean().to_numpy()
    correction = fold_correction(FOLDS)
    rows = {
        "p": (p_of(values), *interval(values, 0.0)),
        "p_corrected": (p_of(values, correction), *interval(values, correction)),
        "p_seed_mean": (p_of(by_fold), *interval(by_fold, 0.0)),
        "p_corrected_seed_mean": (p_of(by_fold, correction), *interval(by_fold, correction)),
        # The normal approximation: with ties, the exact test takes a second.
        "p_wilcoxon": (stats.wilcoxon(values, alternative="greater", method="asymptotic").pvalue, nan, nan),
        "prob_better > 0.95": (believed(values), nan, nan),
        "p_actor": of_actors(actor_test(*outcome.counts)),
    }
    if light:
        return rows
    if len(outcome.counts[0]) != len(one_seed(outcome.counts[0])):
        first = actor_test(*(one_seed(counts) for counts in outcome.counts))
        rows["p_actor, one seed"] = of_actors(first)
        rows["p_actor, one seed, actor term alone"] = actor_term(first)
    rows |= bootstrapped(outcome.counts, float(values.mean()))
    gaps = outcome.gaps.to_numpy()
    rows["Gap: p"] = (p_of(gaps), nan, nan)
    rows["Gap: p_corrected"] = (p_of(gaps, correction), *interval(gaps, correction))
    gaps_by_fold = outcome.gaps.groupby(level=["repeat", "fold"]).mean().to_numpy()
    rows["Gap: p_corrected_seed_mean"] = (p_of(gaps_by_fold, correction), nan, nan)
    rows["Gap: p_actor"] = of_actors(gap_test(outcome))
    rows["gender gap"] = gender_row(outcome.counts[0])
    return rows


def bootstrapped(counts: tuple[dict, dict], mean: float) -> dict[str, tuple[float, float, float]]:
    low, low90, high90, high = bootstrap(*counts)
    size = np.mean([len(one.actors) for one in counts[0].values()])
    # As much wider as drawing m of m actors makes it too narrow.
    wide = [mean + math.sqrt(size / (size - 1)) * (bound - mean) for bound in (low, low90, high90, high)]
    return {
        "actor bootstrap": (one_sided(low90, high90), low, high),
        "actor bootstrap, rescaled": (one_sided(*wide[1:3]), wide[0], wide[3]),
    }


def gender_row(counts: dict) -> tuple[float, float, float]:
    """The test of a gap between two halves of the actors, of the first model; there is none in the population."""
    halves: list[list[RunCounts]] = [[], []]
    for repeat, seed in sorted({(run[0], run[2]) for run in counts}):
        runs = [one for run, one in counts.items() if (run[0], run[2]) == (repeat, seed)]
        names = np.concatenate([one.actors for one in runs])
        totals, hits = (np.concatenate([getattr(one, name) for one in runs]) for name in ("totals", "hits"))
        odd = np.array([int(name[1:]) % 2 for name in names])
        for half in (0, 1):
            order = np.argsort(names)[odd[np.argsort(names)] == half]
            halves[half].append(RunCounts(tuple(names[order]), totals[order], hits[order]))
    gap = gender_gap(*halves)
    if gap.p is None:
        return (math.nan,) * 3
    return (gap.p / 2 if gap.ua_women > gap.ua_men else 1 - gap.p / 2, gap.low, gap.high)


def p_of(values: np.ndarray, correction: float = 0.0) -> float:
    test = t_test(values, correction)
    return math.nan if test is None else test.p


def believed(values: np.ndarray) -> float:
    """A number below 0.05 or above 0.95 where the Bayesian test is sure."""
    posterior = correlated_t(values, FOLDS, ROPE)
    return 1 - posterior.better if posterior.better > posterior.worse else posterior.worse


def bootstrap(better: dict, reference: dict | None) -> np.ndarray:
    """Percentiles 2.5, 5, 95 and 97.5 of the mean difference (or UA) over draws of actors within each fold."""
    differences = np.zeros(DRAWS)
    for repeat, fold in sorted({run[:2] for run in better}):
        actors = len(better[repeat, fold, 1].actors)
        draws = np.random.default_rng([repeat, fold]).multinomial(actors, [1 / actors] * actors, size=DRAWS)
        for run in (run for run in better if run[:2] == (repeat, fold)):
            differences += drawn_ua(better[run], draws)
            if reference:
                differences -= drawn_ua(reference[run], draws)
    return np.quantile(differences / len(better), [0.025, 0.05, 0.95, 0.975])


def drawn_ua(counts: RunCounts, draws: np.ndarray) -> np.ndarray:
    totals, hits = draws @ counts.totals, draws @ counts.hits
    return 100 * (hits / np.maximum(totals, 1)).sum(axis=1) / (totals > 0).sum(axis=1)


def gap_test(outcome: Outcome) -> ActorTest | Withheld:
    """The test of actors on Gaps, training UA being a number of the run: it has no actors that were held out."""
    return test_of(pseudo_values(*outcome.counts).with_scores(outcome.gaps.to_numpy()))


def of_actors(test: ActorTest | Withheld) -> tuple[float, float, float]:
    return (math.nan,) * 3 if isinstance(test, Withheld) else (test.p(), *test.interval())


def actor_term(test: ActorTest | Withheld) -> tuple[float, float, float]:
    if isinstance(test, Withheld):
        return (math.nan,) * 3
    alone = replace(test, error=math.sqrt(test.components.actor_variance), df=test.components.actors - 1)
    return of_actors(alone)


def one_sided(low: float, high: float) -> float:
    """0 or 1 where a 90 % interval excludes 0, else 0.5."""
    return 0.0 if low > 0 else 1.0 if high < 0 else 0.5


def expected_ua(scenario: Scenario, separation: float, repetitions: int) -> float:
    """Mean UA on new actors, with the same random numbers whatever the separation."""
    source = np.random.default_rng(1)
    found = []
    for _ in range(repetitions):
        outcome = experiment(source, scenario, (separation, separation), 1, 1)
        found += [accuracy_of(one) for counts in outcome.counts for one in counts.values()]
    return float(np.mean(found))


def lower_separations(scenario: Scenario, repetitions: int) -> tuple[float, dict[float, float]]:
    """Expected UA, and the separation at which it is so many points lower."""
    uas = [expected_ua(scenario, separation, repetitions) for separation in SEPARATIONS]
    curve = np.polyfit(uas, SEPARATIONS, 2)
    shift = SEPARATION - np.polyval(curve, uas[-1])
    return uas[-1], {points: float(np.polyval(curve, uas[-1] - points) + shift) for points in DIFFERENCES}


def rates(scenario: Scenario, design: str, points: float, lower: float, experiments: int, *, light: bool) -> dict:
    """What came of all experiments of one scenario, design and difference."""
    repeats, seeds = DESIGNS[design]
    source = np.random.default_rng([abs(hash_of(scenario.name)), repeats, int(10 * points)])
    found: dict[str, list[tuple[float, float, float]]] = defaultdict(list)
    means, components, levels = [], [], defaultdict(list)
    for number in range(experiments):
        # Which model is which must not matter.
        pair = (SEPARATION, lower)
        turned = number % 2 == 1
        outcome = experiment(source, scenario, pair[::-1] if turned else pair, repeats, seeds)
        if turned:
            outcome = Outcome(outcome.counts[::-1], -outcome.gaps)
        for name, row in tests(outcome, light=light or points > 0).items():
            found[name].append(row)
        means.append(float(difference_of(outcome.counts).mean()))
        test = actor_test(*outcome.counts)
        if isinstance(test, ActorTest):
            noise = test.components
            components.append((noise.actor, noise.interaction, noise.training))
        if points == 0 and number % 4 == 0 and not light:
            drawn = bootstrap(outcome.counts[0], None)
            levels["mean"].append(np.mean([accuracy_of(one) for one in outcome.counts[0].values()]))
            levels["bootstrap"].append((drawn[0], drawn[3]))
            own = actor_test(outcome.counts[0])
            levels["actors"].append((math.nan,) * 2 if isinstance(own, Withheld) else own.interval())
    centre = 0.0 if points == 0 else float(np.mean(means))
    result = {"mean": float(np.mean(means)), "sd": float(np.std(means)), "experiments": experiments, "tests": {}}
    for name, rows in found.items():
        table = np.array(rows, dtype=float)
        known = ~np.isnan(table[:, 0])
        p = table[known, 0]
        better = float((p < 0.05).mean()) if len(p) else math.nan
        if points == 0 and len(p):
            better = float(((p < 0.05).mean() + (p > 0.95).mean()) / 2)
        inside = (table[known, 1] <= centre) & (centre <= table[known, 2])
        bounded = len(p) > 0 and not np.isnan(table[known, 1]).any()
        result["tests"][name] = {
            "rate": better, "known": float(known.mean()),
            "width": float((table[known, 2] - table[known, 1]).mean()) if bounded else None,
            "coverage": float(inside.mean()) if bounded else None,
        }  # fmt: skip
    if components:
        result["noise"] = [float(np.sqrt(value)) for value in np.mean(components, axis=0)]
    if levels:
        middle = float(np.mean(levels["mean"]))
        for name in ("bootstrap", "actors"):
            bounds = np.array(levels[name], dtype=float)
            result[f"ua_{name}"] = {
                "coverage": float(((bounds[:, 0] <= middle) & (middle <= bounds[:, 1])).mean()),
                "width": float((bounds[:, 1] - bounds[:, 0]).mean()),
            }
    return result


def hash_of(name: str) -> int:
    return int.from_bytes(name.encode()[-6:], "little")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--experiments", type=int, default=1000)
    parser.add_argument("--out", type=Path, default=None)
    parser.add_argument("--only", default=None, help="the scenario of this name alone")
    parser.add_argument("--light", action="store_true", help="the tests of a claim of UA alone")
    arguments = parser.parse_args()
    begin = time.monotonic()
    done: dict[tuple[str, str, float], dict] = {}
    if arguments.out and arguments.out.exists():
        for line in arguments.out.read_text("utf-8").splitlines():
            row = json.loads(line)
            done[row["scenario"], row["design"], row["points"]] = row
    scenarios = [one for one in SCENARIOS if arguments.only in (None, one.name)]
    found: dict[str, tuple[float, dict[float, float]]] = {}
    # The level of every test first, then their power, at the largest difference first.
    for points in (0.0, *sorted(DIFFERENCES[1:], reverse=True)):
        for scenario in scenarios:
            for design in DESIGNS:
                if (scenario.name, design, points) in done:
                    continue
                base = max(4, arguments.experiments // (2 if scenario.classifier == "mlp" else 1))
                if scenario.name not in found:
                    found[scenario.name] = lower_separations(scenario, max(10, base // 10))
                top, lower = found[scenario.name]
                number = base if points == 0 else base // 2
                row = {
                    "scenario": scenario.name, "design": design, "points": points, "expected_ua": round(top, 2),
                    **rates(scenario, design, points, lower[points], number, light=arguments.light),
                    "at": round(time.monotonic() - begin),
                }  # fmt: skip
                done[scenario.name, design, points] = row
                if arguments.out:
                    with arguments.out.open("a", encoding="utf-8") as stream:
                        stream.write(json.dumps(row) + "\n")
    print_tables(done)
    print(json.dumps({"settings": [asdict(one) for one in SCENARIOS], "seconds": round(time.monotonic() - begin)}))


def print_tables(done: dict[tuple[str, str, float], dict]) -> None:
    for design in DESIGNS:
        for scenario in SCENARIOS:
            here = {points: row for points in DIFFERENCES if (row := done.get((scenario.name, design, points)))}
            if 0.0 not in here:
                continue
            level = here[0.0]
            heads = " | ".join(
                "equal" if not points else f"+{points:g} ({here[points]['mean']:.1f})" for points in here
            )
            print(f"\n{scenario.name}, {design}: UA {level['expected_ua']:.0f} %, standard deviation of the mean "
                  f"difference {level['sd']:.2f}\n\n| test | {heads} | width | coverage |")  # fmt: skip
            print(f"| --- |{' ---: |' * (len(here) + 2)}")
            for name in level["tests"]:
                cells = " | ".join(
                    f"{100 * row['tests'][name]['rate']:.1f}" if name in row["tests"] else "" for row in here.values()
                )
                one = level["tests"][name]
                ends = " | ".join("" if one[key] is None else f"{factor * one[key]:.1f}" for key, factor in
                                  (("width", 1), ("coverage", 100)))  # fmt: skip
                print(f"| {name} | {cells} | {ends} |")
            if "noise" in level:
                repeats, seeds = DESIGNS[design]
                plan = expected(Noise(*level["noise"]), Plan(scenario.actors, FOLDS, repeats, seeds))
                promised = ", ".join(
                    f"+{points:g} {100 * plan.power(row['mean']):.0f} %" for points, row in here.items()
                )
                noise = ", ".join(f"{value:.1f}" for value in level["noise"])
                print(f"\nActor, interaction, training: {noise} points. Power as planned: {promised}.")
            for name in ("bootstrap", "actors"):
                if found := level.get(f"ua_{name}"):
                    print(
                        f"UA of one model, {name}: coverage {100 * found['coverage']:.1f} %, "
                        f"width {found['width']:.1f}."
                    )


if __name__ == "__main__":
    with explained("statistics"):
        refuse_other_code()
        main()
