"""The recordings that every run trains on and validates on: the folds, and the parts where folds are not enough."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from pipeline.core.errors import InputError
from pipeline.core.tables import PARTS
from pipeline.core.wording import counted, enumerated
from pipeline.folds.leaks import leaks_of, refuse_leaks
from pipeline.folds.listed import Listed, held_for_test, listed_for_test, split_of
from pipeline.folds.params import BY_CORPUS, PartitionParams, fold_corpora
from pipeline.folds.partition import partition
from pipeline.folds.parts import (
    DEV,
    TEST,
    TRAIN,
    UNUSED,
    VALID,
    Mask,
    Parts,
    Places,
    numbered,
    parts_of,
    separated,
)
from pipeline.folds.people import Source, shared_people
from pipeline.folds.recordings import described, in_sessions, recordings_of
from pipeline.folds.texts import (
    TextTask,
    blocks_of_texts,
    fold_of_text,
    note_on_single_speakers,
    refuse_unknown_texts,
    spoken_by_one,
)

KEPT_APART: Mapping[str, tuple[str, ...]] = {
    "actors": ("unit",), "sessions": ("unit",), "corpora": ("unit",), "cross_corpus": ("unit",),
    "texts": ("sentence",), "actors+texts": ("unit", "sentence"), "table": (),
}  # fmt: skip
"""Columns of recordings whose values no two parts of a run share, by scheme."""


@dataclass(frozen=True)
class Split:
    """The recordings that every run trains on and validates on.

    Attributes:
        folds: rows of `tables.FOLDS`: the actors that each fold validates.
        parts: rows of `tables.PARTS`; none if each run trains on all actors that it does not validate.
        notes: sentences for people, some of them long.
        unused: number of recordings that a run leaves out, by (repeat, fold, corpus) and class; no rows if none does.
        missing: rows `repeat, fold, part, emotion` of classes that a part lacks.
    """

    folds: pd.DataFrame
    parts: pd.DataFrame
    notes: tuple[str, ...] = ()
    unused: pd.DataFrame = field(default_factory=pd.DataFrame)
    missing: pd.DataFrame = field(default_factory=pd.DataFrame)


def split(
    utterances: pd.DataFrame,
    segments: pd.DataFrame,
    options: PartitionParams,
    classes: Sequence[str],
    sources: Mapping[str, Source],
    table: Listed | None = None,
    test: Listed | None = None,
) -> Split:
    """Divide the recordings of all corpora.

    Args:
        utterances: rows of `tables.UTTERANCES` of all configured corpora, with `text` and `session` where known.
        segments: rows of `tables.SEGMENTS` of the same corpora.
        options: the section `partition`.
        classes: classes that every training part must have.
        sources: where the names of each corpus come from, by corpus, in the order of params.yaml.
        table: the table of the scheme `table`.
        test: the table of the recordings that are set apart.

    Raises:
        InputError: the scheme cannot divide these recordings; or a table has mistakes or leaks.
    """
    recordings = recordings_of(utterances, segments, sources)
    notes = shared_people(recordings, sources)
    if options.scheme == "sessions":
        recordings, more = in_sessions(recordings, sources)
        notes += more
    apart = _apart(recordings, options, test)
    if "sentence" in KEPT_APART[options.scheme]:
        notes += refuse_unknown_texts(recordings, options.scheme, apart)
        notes += note_on_single_speakers(recordings, options.scheme)
    divided = _Divided(recordings, segments, options, classes, sources, apart)
    notes += divided.notes
    runs, folds, more = _by_table(divided, table) if options.scheme == "table" else divided.runs()
    notes += more
    _refuse_empty_parts(runs, recordings, options, classes)
    missing = _missing(runs, recordings, classes)
    notes += _notes_on_missing(missing, len(runs))
    notes += _notes_on_unused(runs, recordings)
    if not options.by_actor:
        folds = _validated(runs, recordings, several=options.repeats > 1)
    plain = options.plain and all((parts != UNUSED).all() for parts in runs.values())
    return Split(
        folds,
        pd.DataFrame(columns=list(PARTS.columns)) if plain else _rows(runs, recordings),
        tuple(notes),
        _unused(runs, recordings, classes),
        missing,
    )


Runs = Mapping[tuple[int, int], Parts]
"""The parts of every recording by repeat and fold."""


@dataclass(frozen=True)
class _Divided:
    """The recordings, without those that are set apart or share something with them."""

    recordings: pd.DataFrame
    segments: pd.DataFrame
    options: PartitionParams
    classes: Sequence[str]
    sources: Mapping[str, Source]
    test: Mask

    @property
    def keys(self) -> list[np.ndarray]:
        """(recordings,) numbers of what the scheme keeps apart."""
        columns = KEPT_APART[self.options.scheme]
        return [
            self.recordings["unit"].to_numpy() if name == "unit" else numbered(self.recordings[name])
            for name in columns
        ]

    @property
    def touching(self) -> Mask:
        """(recordings,) whether a recording shares with the test what the scheme keeps apart."""
        wanted = np.where(self.test, TEST, TRAIN).astype("<U6")
        return np.asarray(separated(wanted, self.keys) == UNUSED)

    @property
    def usable(self) -> Mask:
        """(recordings,) whether a fold may see a recording."""
        known = np.ones(len(self.recordings), dtype=bool)
        if "sentence" in KEPT_APART[self.options.scheme]:
            known = (self.recordings["sentence"] != "").to_numpy()
        return ~self.test & ~self.touching & known

    @property
    def notes(self) -> list[str]:
        """Sentences on the test."""
        if not self.test.any():
            return []
        touching = self.recordings[self.touching]
        lines = [f"set apart as test: {described(self.recordings[self.test])}"]
        if len(touching):
            what = {"unit": "people", "sentence": "sentences"}
            shared = enumerated(what[name] for name in KEPT_APART[self.options.scheme])
            lines.append(f"left out, since the test has the same {shared}: {described(touching)}")
        return lines

    def runs(self) -> tuple[dict[tuple[int, int], Parts], pd.DataFrame, list[str]]:
        """The parts of every run, rows of `tables.FOLDS` if actors are in folds, and sentences."""
        usable = self.usable
        if not usable.any():
            raise InputError(
                f"no recording is left to train on: {'; '.join(self.notes) or 'all are left out'}; expected some. Set "
                "fewer recordings apart with partition.test, or choose another scheme"
            )
        rest = self.recordings[usable]
        lacking = [name for name in self.classes if not (rest["emotion"] == name).any()]
        if lacking and self.test.any():
            raise InputError(
                f"no recording of {enumerated(lacking)} is left to train on: {'; '.join(self.notes)}; expected some of "
                "every class. Set fewer recordings apart with partition.test, or remove the class from classes in "
                "params.yaml"
            )
        scheme = self.options.scheme
        if scheme in BY_CORPUS:
            places, folds, notes = self._corpora(rest)
        elif scheme == "texts":
            places, folds, notes = self._texts(rest)
        else:
            places, folds, notes = self._actors(rest)
        keys = [key[usable] for key in self.keys]
        found = {}
        for repeat, place in enumerate(places, start=1):
            for fold in range(1, self.options.folds + 1):
                # Behind the folds that train on one corpus are those that leave one out.
                alone = scheme == "cross_corpus" and fold <= place.folds
                wanted = parts_of(place, (fold - 1) % place.folds + 1, dev=self.options.dev, inverted=alone)
                parts = np.full(len(self.recordings), UNUSED, dtype="<U6")
                parts[self.test] = TEST
                parts[usable] = separated(wanted, keys)
                found[repeat, fold] = parts
        return found, folds, notes

    def _actors(self, rest: pd.DataFrame) -> tuple[list[Places], pd.DataFrame, list[str]]:
        options = self.options
        of_recording = rest.set_index("utterance")
        here = self.segments[self.segments["utterance"].isin(of_recording.index)]
        here = here.assign(**{name: here["utterance"].map(of_recording[name]) for name in ("group", "unit")})
        folds, notes = partition(
            here, options.folds, options.seed, options.balance_classes, self.classes,
            sources=self.sources, repeats=options.repeats, dev=options.dev,
        )  # fmt: skip
        task = TextTask(options.folds, options.seed, self.classes, options.balance_classes, options.dev)
        places = []
        for repeat in range(1, options.repeats + 1):
            rows = folds[folds["repeat"] == repeat] if options.repeats > 1 else folds
            fold_of = rest.merge(rows[["corpus", "actor", "fold"]], on=["corpus", "actor"], how="left")[
                "fold"
            ].to_numpy()
            if options.scheme != "actors+texts":
                places.append(Places(fold_of, options.folds))
                continue
            blocks = blocks_of_texts(rest, task, repeat)
            places.append(
                Places(
                    fold_of,
                    options.folds,
                    blocks["block"].to_numpy(),
                    blocks["blocks"].to_numpy(),
                    spoken_by_one(rest).to_numpy(),
                )
            )
        return places, folds, notes

    def _corpora(self, rest: pd.DataFrame) -> tuple[list[Places], pd.DataFrame, list[str]]:
        corpora = fold_corpora(list(self.sources), self.options)
        numbers = {corpus: fold for fold, corpus in enumerate(corpora, start=1)}
        actors = rest[["corpus", "actor", "gender", "group"]].drop_duplicates(["corpus", "actor"])
        actors = actors.sort_values(["corpus", "actor"], ignore_index=True)
        folds = actors.assign(fold=actors["corpus"].map(numbers).astype("int64"))
        verb = "trains on" if self.options.scheme == "cross_corpus" else "validates"
        notes = [f"fold {fold} {verb} {corpus}" for corpus, fold in numbers.items()]
        if self.options.leave_one_out:
            notes += [f"fold {len(numbers) + fold} validates {corpus}" for corpus, fold in numbers.items()]
        fold_of = rest["corpus"].map(numbers).to_numpy().astype(np.int64)
        return [Places(fold_of, len(numbers))], folds, notes

    def _texts(self, rest: pd.DataFrame) -> tuple[list[Places], pd.DataFrame, list[str]]:
        options = self.options
        task = TextTask(options.folds, options.seed, self.classes, options.balance_classes, options.dev)
        taken: set[bytes] = set()
        places = []
        for repeat in range(1, options.repeats + 1):
            found = fold_of_text(rest, task, taken, repeat)
            taken.add(found.partition)
            places.append(Places(found.fold_of + 1, options.folds))
        return places, pd.DataFrame(), []


def _apart(recordings: pd.DataFrame, options: PartitionParams, listed_test: Listed | None) -> Mask:
    """(recordings,) whether a recording is set apart."""
    test = options.test
    if test is None:
        return np.zeros(len(recordings), dtype=bool)
    if test.table is not None:
        assert listed_test is not None  # noqa: S101 (read by the caller)
        return np.asarray(listed_for_test(listed_test))
    if test.actors:
        return np.asarray(held_for_test(test.actors, recordings))
    return recordings["corpus"].isin(test.corpora).to_numpy()


def _by_table(divided: _Divided, table: Listed | None) -> tuple[dict[tuple[int, int], Parts], pd.DataFrame, list[str]]:
    """The parts of a table of the user's own, checked for leaks."""
    assert table is not None  # noqa: S101 (read by the caller)
    options, recordings = divided.options, divided.recordings
    given = split_of(table, recordings, options.folds)
    if options.test is not None and any((parts == TEST).any() for parts in given):
        raise InputError(f"{table.where} has a part `test`, and partition.test is there too; expected one of them")
    by_fold = "fold" in table.table
    found: dict[tuple[int, int], Parts] = {}
    for fold, wanted in enumerate(given, start=1):
        parts = wanted.copy()
        if options.dev and by_fold:
            following = given[fold % options.folds]
            parts[(following == VALID) & (parts == TRAIN)] = DEV
        parts[divided.test] = TEST
        if options.dev != bool((parts == DEV).any()):
            raise InputError(
                f"{table.where}: fold {fold} has {'no' if options.dev else 'a'} part `dev`, and partition.dev is "
                f"{str(options.dev).lower()}; expected both or neither; set partition.dev to "
                f"{str(not options.dev).lower()}"
            )
        found[1, fold] = parts
    leaks = [leak for (_, fold), parts in found.items() for leak in leaks_of(recordings, parts, fold)]
    notes = refuse_leaks(leaks, options.allow_leaks, table.where)
    if table.known:
        notes.append(
            f"{table.where}: {counted(table.known, 'row')} of recordings that are left out here (data/rejected)"
        )
    return found, pd.DataFrame(), notes


def _refuse_empty_parts(runs: Runs, recordings: pd.DataFrame, options: PartitionParams, classes: Sequence[str]) -> None:
    """Refuse a run that would train, choose or validate on nothing, or train without a class."""
    emotions = recordings["emotion"].to_numpy()
    several = options.repeats > 1
    for (repeat, fold), parts in runs.items():
        where = f"repeat {repeat} fold {fold}" if several else f"fold {fold}"
        for part in (TRAIN, VALID, *([DEV] if options.dev else [])):
            if not (parts == part).any():
                left = _left_out(recordings[parts == UNUSED])
                raise InputError(
                    f"{where} has no recording in its part `{part}`{left}; expected some. Change partition.scheme, "
                    "partition.folds or partition.seed in params.yaml, or add recordings"
                )
        lacking = [name for name in classes if not (emotions[parts == TRAIN] == name).any()]
        if lacking and options.scheme != "cross_corpus":
            left = _left_out(recordings[(parts == UNUSED) & np.isin(emotions, lacking)])
            raise InputError(
                f"the training part of {where} has no {enumerated(lacking)}{left}; expected every class. Remove the "
                "class "
                "from classes in params.yaml, change partition.folds or partition.scheme, or add recordings of it"
            )


def _left_out(rows: pd.DataFrame) -> str:
    return f" ({described(rows)} left out, to keep parts apart)" if len(rows) else ""


def _missing(runs: Runs, recordings: pd.DataFrame, classes: Sequence[str]) -> pd.DataFrame:
    emotions = recordings["emotion"].to_numpy()
    rows = [
        (repeat, fold, part, name)
        for (repeat, fold), parts in runs.items()
        for part in (TRAIN, VALID, DEV, TEST)
        if (parts == part).any()
        for name in classes
        if not (emotions[parts == part] == name).any()
    ]
    return pd.DataFrame(rows, columns=["repeat", "fold", "part", "emotion"])


def _notes_on_missing(missing: pd.DataFrame, runs: int) -> Iterator[str]:
    """A sentence for each part and class that some runs lack."""
    several = missing["repeat"].nunique() > 1 if len(missing) else False
    effects = {
        TRAIN: "its runs cannot learn it",
        VALID: "UA there is the mean over the other classes, and chance is higher than elsewhere; UA over pooled "
        "predictions of all folds (results/pooled.csv) has every class",
        DEV: "epochs are chosen there by the other classes",
        TEST: "UA there is the mean over the other classes",
    }
    for (part, emotion), rows in missing.groupby(["part", "emotion"], sort=False):
        folds = [f"{row.repeat}/{row.fold}" if several else str(row.fold) for row in rows.itertuples()]
        if part == TEST:
            yield f"the test has no {emotion}: {effects[TEST]}"
            continue
        named = {TRAIN: "training", VALID: "validation", DEV: "dev"}[str(part)]
        which = "repeat/fold" if several else "fold"
        effect = effects[str(part)]
        if part == VALID and len(rows) == runs:
            effect = effect.partition("; ")[0]  # no other fold has it
        yield f"the {named} part of {which} {enumerated(folds)} has no {emotion}: {effect}"


def _notes_on_unused(runs: Runs, recordings: pd.DataFrame) -> Iterator[str]:
    numbers = [int((parts == UNUSED).sum()) for parts in runs.values()]
    if any(numbers):
        low, high = min(numbers), max(numbers)
        span = str(high) if low == high else f"{low} to {high}"
        yield f"each run leaves out {span} of {counted(len(recordings), 'recording')}, so that its parts share nothing"


def _unused(runs: Runs, recordings: pd.DataFrame, classes: Sequence[str]) -> pd.DataFrame:
    """Number of recordings left out, by (repeat, fold, corpus) and class."""
    tables = {}
    for run, parts in runs.items():
        rows = recordings[parts == UNUSED]
        if len(rows):
            tables[run] = pd.crosstab(rows["corpus"], rows["emotion"]).reindex(columns=list(classes), fill_value=0)
    return pd.concat(tables, names=["repeat", "fold"]) if tables else pd.DataFrame()


def _validated(runs: Runs, recordings: pd.DataFrame, *, several: bool) -> pd.DataFrame:
    """The actors that each fold validates, as rows of `FOLDS`."""
    tables: list[pd.DataFrame] = []
    for (repeat, fold), parts in runs.items():
        rows = recordings.loc[parts == VALID, ["corpus", "actor", "gender", "group"]]
        rows = rows.drop_duplicates(["corpus", "actor"]).sort_values(["corpus", "actor"])
        tables.append(rows.assign(fold=fold, **({"repeat": repeat} if several else {})))
    return pd.concat(tables, ignore_index=True)


def _rows(runs: Runs, recordings: pd.DataFrame) -> pd.DataFrame:
    utterances = recordings["utterance"].to_numpy()
    return pd.concat(
        [
            pd.DataFrame({"repeat": repeat, "fold": fold, "utterance": utterances, "part": parts})
            for (repeat, fold), parts in runs.items()
        ],
        ignore_index=True,
    )
