"""Training on one corpus and on all but one, from `partition` to `report`, beside a loop written by hand."""

import json
import runpy
from contextlib import chdir
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from ruamel.yaml import YAML
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import recall_score

from pipeline.core.tables import REJECTED, SEGMENTS, UTTERANCES, write_table
from pipeline.evaluation.tables import CELLS
from pipeline.evaluation.terms import OTHERS
from pipeline.features.archive import ArchiveWriter
from pipeline.figures import registry
from pipeline.figures.cross_corpus import draw_cross_corpus
from pipeline.params import Params
from tests.helpers.closure import ROOT
from tests.helpers.experiment import VALUES, note_inputs

CLASSES = ("joy", "anger", "sadness", "fear")
HAS = {"emodb": CLASSES, "emovo": ("joy", "anger", "sadness"), "savee": CLASSES}
"""The classes of each corpus: EMOVO has no fear here."""

ROWS = {"kind": "functionals", "of": {"kind": "logmel", "bands": 4}, "statistics": ("mean", "deviation")}
DIMS = 8


def stage(name, *arguments):
    runpy.run_path(str(ROOT / f"stages/{name}.py"))["main"](*arguments)


def params():
    logistic = {"family": "logistic", "frontend": "rows", "C": 1.0}
    models = {
        "own": {"label": "Own corpora", "standardise": "corpus", **logistic},
        "train": {"label": "Training corpora", "standardise": "fold", **logistic},
    }
    changes = {
        "corpora": {corpus: {"path": corpus} for corpus in HAS},
        "frontends": {"spectrogram": {"kind": "spectrogram"}, "rows": ROWS},
        "models": models, "partition": {"scheme": "cross_corpus", "seed": 0, "leave_one_out": True},
        "train": {name: value for name, value in VALUES["train"].items() if name != "folds"} | {"seeds": (1, 2)},
    }  # fmt: skip
    return Params.model_validate({**VALUES, **changes})


def write_corpus(corpus, number, source, centres):
    """Four actors, five takes of each class; features that tell the class, shifted for each corpus."""
    rows = [
        {
            "segment": f"{corpus}-{actor}-{emotion}{take}-1", "utterance": f"{corpus}-{actor}-{emotion}{take}",
            "corpus": corpus, "emotion": emotion, "actor": actor, "gender": "FM"[actor > "b"], "group": actor,
            "start_frame": 0, "num_frames": 12,
        }
        for actor in ("ann", "bea", "carl", "dan") for emotion in HAS[corpus] for take in range(5)
    ]  # fmt: skip
    segments = pd.DataFrame(rows)
    write_table(segments, Path(f"data/segments/{corpus}.csv"), SEGMENTS)
    table = segments[["utterance", "corpus", "emotion", "actor", "gender", "group"]].assign(
        path=segments["utterance"] + ".wav", duration_s=1.0, sample_rate=16000, num_samples=16000, text="t",
        digest=[f"{number:032d}{at:032d}" for at in segments.index],
    )  # fmt: skip
    write_table(table, Path(f"data/utterances/{corpus}.csv"), UTTERANCES)
    write_table(pd.DataFrame(columns=list(REJECTED.columns)), Path(f"data/rejected/{corpus}.csv"), REJECTED)
    values = {}
    for key, dims in (("spectrogram", 257), ("rows", DIMS)):
        features = Path(f"data/features/{key}")
        with ArchiveWriter(features / f"{corpus}.ark", features / f"{corpus}.scp") as archive:
            for row in rows:
                centre = centres[CLASSES.index(row["emotion"])] + number
                matrix = np.asarray(centre + source.standard_normal(DIMS), np.float32)[None]
                if key == "spectrogram":
                    matrix = source.standard_normal((12, dims)).astype(np.float32)
                else:
                    values[row["segment"]] = matrix[0]
                archive.write(row["segment"], matrix)
    return segments.assign(row=[values[name] for name in segments["segment"]])


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """The folder of the finished experiment, and its segments with their rows of features."""
    root = tmp_path_factory.mktemp("cross")
    source = np.random.default_rng(5)
    centres = 0.9 * source.standard_normal((len(CLASSES), DIMS))
    with chdir(root), pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(ROOT))
        patch.setattr(registry, "FIGURES", (draw_cross_corpus,))  # the others take long
        segments = pd.concat([write_corpus(corpus, n, source, centres) for n, corpus in enumerate(HAS)])
        note_inputs(root, HAS)
        Path("data/frontends").mkdir()
        for key, options, shape in (
            ("spectrogram", {"kind": "spectrogram", "cmvn": "segment"}, {"dims": 257}),
            ("rows", ROWS, {"dims": DIMS, "framewise": False}),
        ):
            description = {"options": options, "shape": shape, "identity": {}}
            Path(f"data/frontends/{key}.json").write_text(json.dumps(description))
        with Path("params.yaml").open("w") as stream:
            YAML(typ="safe").dump(json.loads(params().model_dump_json(exclude_none=True)), stream)
        stage("partition")
        for model in ("own", "train"):
            stage("train", model)
        for name in ("compare", "figures", "report"):
            stage(name)
    return root, segments


def by_hand(segments, training, corpus, *, own):
    """UA over the classes that both have, of a logistic regression of scikit-learn."""
    train, valid = segments[segments["corpus"].isin(training)], segments[segments["corpus"] == corpus]

    def scaled(table):
        values = np.stack(table["row"]).astype(np.float64)
        groups = table["corpus"].to_numpy() if own else np.zeros(len(table))
        done = np.empty_like(values)
        for group in np.unique(groups):
            here = groups == group
            whole = values[here] if own else np.stack(train["row"]).astype(np.float64)
            done[here] = (values[here] - whole.mean(0)) / whole.std(0)
        return done

    fitted = LogisticRegression(C=1.0, class_weight="balanced", max_iter=2000).fit(scaled(train), train["emotion"])
    both = [name for name in CLASSES if name in set(train["emotion"]) & set(valid["emotion"])]
    known = valid[valid["emotion"].isin(both)]
    answers = pd.Series(fitted.predict(scaled(valid)), index=valid["segment"])[known["segment"]]
    recalls = recall_score(known["emotion"], answers, labels=both, average=None)
    return 100 * recalls.mean(), len(both)


@pytest.mark.parametrize("model", ["own", "train"])
def test_every_cell_is_that_of_a_loop_written_by_hand(made, model):
    root, segments = made
    cells = pd.read_csv(root / "results/cross_corpus.csv", keep_default_na=False, na_values=[""])
    cells = cells[(cells["model"] == model) & (cells["selection"] == "last") & (cells["level"] == "segment")]
    found = {(row.training, row.validation): row for row in cells.itertuples()}
    pairs = [(one, other) for one in (*HAS, OTHERS) for other in HAS if one != other]
    assert set(found) == set(pairs)
    for training, corpus in pairs:
        names = [one for one in HAS if one != corpus] if training == OTHERS else [training]
        ua, classes = by_hand(segments, names, corpus, own=model == "own")
        row = found[training, corpus]
        assert row.ua == pytest.approx(ua, abs=1e-9), (training, corpus)
        assert (row.classes, row.chance, row.runs, row.actors) == (classes, 100 / classes, 2, 4)
        assert row.ci_low <= row.ua <= row.ci_high
    assert not cells["ua"].isin([0.0, 100.0]).all()


def test_classes_that_training_lacks_are_left_out_and_named(made):
    cells = pd.read_csv(made[0] / "results/cross_corpus.csv", keep_default_na=False, na_values=[""])
    taught = cells[(cells["training"] == "emovo") & (cells["selection"] == "last") & (cells["level"] == "segment")]
    assert (taught["absent"] == "fear").all()
    # A class that is never answered has recall 0.
    assert taught["ua_all"].to_numpy() == pytest.approx(taught["ua"].to_numpy() * 3 / 4)
    others = cells[cells["training"] != "emovo"]
    assert others["absent"].isna().all()
    assert (others.loc[others["validation"] == "emovo", "classes"] == 3).all()


def test_tables_and_tests_are_of_the_runs_that_leave_a_corpus_out(made):
    root = made[0]
    cells = pd.read_csv(root / "results/cross_corpus.csv")
    left_out = cells[(cells["training"] == OTHERS) & (cells["selection"] == "last") & (cells["level"] == "segment")]
    intervals = pd.read_csv(root / "results/intervals.csv")
    whole = intervals[(intervals["corpus"] == "all") & (intervals["selection"] == "last")].set_index("model")["ua"]
    for model, rows in left_out.groupby("model"):
        assert whole[model] == pytest.approx(rows["ua_all"].mean())
    page = (root / "results/report.html").read_text()
    assert "figure-cross_corpus" in page
    assert "Training corpora differ in the standardisation alone" in page


def test_the_table_in_three_formats(made):
    folder = made[0] / "results/tables"
    table = pd.read_csv(folder / "cross_corpus.csv")
    first = table[(table["selection"] == "last") & (table["model"] == "Own corpora (corpus-standardised)")].set_index(
        "training"
    )
    assert list(first.index) == ["Emo-DB", "EMOVO", "SAVEE", OTHERS]
    assert first.loc["EMOVO", "emodb_absent"] == "fear"
    assert np.isnan(first.loc["Emo-DB", "emodb_ua"])
    printed = (folder / "cross_corpus.md").read_text()
    assert "; chance 33) |" in printed
    assert "these corpora have not all: EMOVO (no fear)." in printed
    assert "Trained on EMOVO, a model never answers what that lacks and these corpora have" in printed
    assert (folder / "cross_corpus.tex").read_text().count(r"\begin{tabular}") == 2


def test_the_schema_is_that_of_what_was_written(made):
    assert list(pd.read_csv(made[0] / "results/cross_corpus.csv").columns) == list(CELLS.columns)


def test_folds_that_validate_the_same_recordings_choose_nothing_for_each_other(made):
    """Folds 1 to 3 train on one corpus and overlap; folds 4 to 6 leave one out and do not."""
    root, _ = made
    runs = pd.read_csv(root / "results/runs/own.csv")
    assert set(runs.loc[runs["selection"] == "crossval", "fold"]) == {4, 5, 6}
    records = json.loads((root / "results/runs/own.json").read_text())["runs"]
    assert {record["fold"] for record in records if "temperature" in record} == {4, 5, 6}
