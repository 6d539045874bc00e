"""Measures against scikit-learn's and loops; the bootstrap against resampled tables."""

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import balanced_accuracy_score, recall_score

from pipeline.core.errors import InputError
from pipeline.core.tables import read_table, write_table
from pipeline.evaluation.bootstrap import RunCounts, bootstrap_interval, count_by_actor
from pipeline.evaluation.loading import load_predictions
from pipeline.evaluation.measures import by_utterance, calibration_error, measure
from pipeline.evaluation.tables import measures_schema
from pipeline.runs.calibration import calibrated, cross_validated_temperatures
from pipeline.runs.tables import predictions_schema

CLASSES = ("joy", "anger", "fear")


def predictions_of(skill=1.0, seed=0, folds=2, seeds=(1, 2), model="PreAct"):
    """Predictions of actors a..h (two corpora), three utterances a class and actor, two segments each."""
    source = np.random.default_rng(seed)
    rows = []
    for position, actor in enumerate("abcdefgh"):
        fold = position % folds + 1
        for run_seed in seeds:
            for emotion in CLASSES:
                for take in range(3):
                    for part in range(2):
                        scores = source.standard_normal(3)
                        scores[CLASSES.index(emotion)] += skill
                        chances = np.exp(scores) / np.exp(scores).sum()
                        said = CLASSES[int(chances.argmax())]
                        utterance = f"{actor}-{emotion}{take}"
                        group = ("emodb" if actor < "e" else "savee", actor, "F" if actor in "abef" else "M")
                        rows += [
                            (model, fold, run_seed, selection, f"{utterance}-{part + 1}", emotion, said, *chances,
                             1, utterance, *group)
                            for selection in ("last", "best")
                        ]  # fmt: skip
    columns = [*predictions_schema(CLASSES).columns, "utterance", "corpus", "actor", "gender"]
    return pd.DataFrame(rows, columns=columns)


def test_every_group_has_scikit_learns_figures(tmp_path):
    table = predictions_of()
    found = measure(
        {"PreAct": table}, {"PreAct": calibrated(table, CLASSES, cross_validated_temperatures(table, CLASSES))}, CLASSES
    )
    write_table(found, tmp_path / "measures.csv", measures_schema(CLASSES))
    again = read_table(tmp_path / "measures.csv", measures_schema(CLASSES))
    assert len(found) == len(again) == 2 * 2 * 2 * 2 * (1 + 2 + 2)
    for row in found[found["level"] == "segment"].to_dict("records"):
        rows = table[
            (table["fold"] == row["fold"]) & (table["seed"] == row["seed"]) & (table["selection"] == row["selection"])
        ]
        for group in ("corpus", "gender"):
            rows = rows if row[group] == "all" else rows[rows[group] == row[group]]
        truth, said = rows["emotion"], rows["predicted"]
        assert row["n"] == len(rows)
        assert row["ua"] == pytest.approx(100 * balanced_accuracy_score(truth, said))
        assert row["wa"] == pytest.approx(100 * (truth == said).mean())
        recalls = recall_score(truth, said, labels=list(CLASSES), average=None)
        assert [row[f"recall_{name}"] for name in CLASSES] == pytest.approx(list(100 * recalls))
        assert row["count_joy_fear"] == ((truth == "joy") & (said == "fear")).sum()
        assert sum(row[f"count_{a}_{b}"] for a in CLASSES for b in CLASSES) == len(rows)


def test_a_class_that_a_group_lacks_has_no_recall_and_takes_no_part():
    table = predictions_of()
    table = table[(table["emotion"] != "joy") | (table["corpus"] != "savee")]
    found = measure(
        {"PreAct": table}, {"PreAct": calibrated(table, CLASSES, cross_validated_temperatures(table, CLASSES))}, CLASSES
    )
    savee = found[found["corpus"] == "savee"]
    assert savee["recall_joy"].isna().all()
    assert savee["ua"].to_numpy() == pytest.approx(savee[["recall_anger", "recall_fear"]].mean(axis=1).to_numpy())
    assert found[["ua", "wa", "macro_f1", "ece"]].notna().all().all()


def test_an_utterance_has_the_mean_of_its_segments_probabilities():
    table = predictions_of(seeds=(1,))
    combined = by_utterance(table[table["selection"] == "last"], CLASSES)
    assert len(combined) == 8 * 9
    one = combined[combined["utterance"] == "a-joy0"].iloc[0]
    parts = table[(table["utterance"] == "a-joy0") & (table["selection"] == "last")]
    assert one["p_joy"] == pytest.approx(parts["p_joy"].mean())
    assert one["predicted"] == CLASSES[int(parts[[f"p_{name}" for name in CLASSES]].mean().to_numpy().argmax())]


def test_calibration_error_bin_by_bin():
    source = np.random.default_rng(0)
    confidence = source.uniform(1 / 3, 1, 500)
    right = source.uniform(size=500) < confidence**2
    total = 0.0
    for low in np.arange(15) / 15:
        inside = (confidence >= low) & (confidence < low + 1 / 15)
        if inside.any():
            total += inside.mean() * abs(right[inside].mean() - confidence[inside].mean())
    assert calibration_error(confidence, right) == pytest.approx(100 * total)
    assert calibration_error(np.ones(4), np.array([True] * 4)) == 0


def test_the_bootstrap_is_that_of_tables_whose_actors_are_drawn_anew_and_widened():
    chosen = predictions_of(0.8, 1)
    chosen = chosen[chosen["selection"] == "last"]
    low, high = bootstrap_interval(count_by_actor(chosen, CLASSES), draws=40)
    weights = {fold: np.random.default_rng([fold, 4]).multinomial(4, [0.25] * 4, size=40) for fold in (1, 2)}

    def mean_ua(times):
        uas = []
        for (fold, _), rows in chosen.groupby(["fold", "seed"]):
            actors = sorted(rows["actor"].unique())
            copies = [
                rows[rows["actor"] == actor] for place, actor in enumerate(actors) for _ in range(times[fold][place])
            ]
            again = pd.concat(copies)
            uas.append(100 * balanced_accuracy_score(again["emotion"], again["predicted"]))
        return np.mean(uas)

    mean = mean_ua({fold: [1] * 4 for fold in weights})
    drawn = np.quantile(
        [mean_ua({fold: weights[fold][draw] for fold in weights}) for draw in range(40)], [0.025, 0.975]
    )
    assert (low, high) == pytest.approx(tuple(mean + np.sqrt(4 / 3) * (drawn - mean)))
    assert low < mean < high


def test_the_bootstrap_needs_two_actors_a_fold_and_the_same_in_every_partition():
    counts = count_by_actor(predictions_of(), CLASSES)
    one = {run: RunCounts(run_counts.actors[:1], run_counts.totals[:1], run_counts.hits[:1])
           for run, run_counts in counts.items()}  # fmt: skip
    assert bootstrap_interval(one) is None
    swapped = {(2, 3 - fold, seed): run_counts for (_, fold, seed), run_counts in counts.items()}
    assert bootstrap_interval({**counts, **swapped}) is None
    again = {(2, fold, seed): run_counts for (_, fold, seed), run_counts in counts.items()}
    assert bootstrap_interval({**counts, **again}) == pytest.approx(bootstrap_interval(counts)), "no new actors"


def test_counts_are_those_of_a_loop():
    table = predictions_of(0.5, 3)
    counts = count_by_actor(table[table["selection"] == "best"], CLASSES)
    assert set(counts) == {(1, fold, seed) for fold in (1, 2) for seed in (1, 2)}
    for (_, fold, seed), run in counts.items():
        for actor, totals, hits in zip(run.actors, run.totals, run.hits, strict=True):
            for name, total, hit in zip(CLASSES, totals, hits, strict=True):
                said = [
                    row.predicted
                    for row in table.itertuples()
                    if (row.fold, row.seed, row.actor, row.emotion, row.selection) == (fold, seed, actor, name, "best")
                ]
                assert (total, hit) == (len(said), said.count(name))


def test_predictions_of_other_data_are_refused(tmp_path):
    table = predictions_of(seeds=(1,))
    write_table(table[list(predictions_schema(CLASSES).columns)], tmp_path / "PreAct.csv", predictions_schema(CLASSES))
    segments = table[["segment", "utterance", "corpus", "emotion", "actor", "gender"]].drop_duplicates()
    found = load_predictions(tmp_path, ("PreAct", "PreAct-Full"), CLASSES, segments)
    assert list(found) == ["PreAct"]
    assert found["PreAct"]["actor"].iloc[0] == "emodb/a"
    with pytest.raises(
        InputError, match=r"PreAct\.csv line 2: segment a-joy0-1 is not in data/segments with that emotion"
    ):
        load_predictions(tmp_path, ("PreAct",), CLASSES, segments[segments["segment"] != "a-joy0-1"])
    with pytest.raises(InputError, match="the results belong to other data"):
        load_predictions(tmp_path, ("PreAct",), CLASSES, segments.assign(emotion="fear"))
