"""The section `partition` of params.yaml."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal

from pydantic import model_validator

from pipeline.core.settings import Classes, Count, Key, Sections, Seed, Strict, Text, class_mistakes, repeated
from pipeline.core.wording import did_you_mean
from pipeline.folds.people import Source, source_of

Scheme = Literal["actors", "sessions", "corpora", "cross_corpus", "texts", "actors+texts", "table"]
Leak = Literal["speakers", "groups", "texts"]

BY_CORPUS = ("corpora", "cross_corpus")
"""Schemes whose folds are the corpora."""

BY_ACTOR = ("actors", "sessions", "corpora")
"""Schemes that validate every actor in one fold."""

WITHOUT_REPEATS = (*BY_CORPUS, "table")
"""Schemes in which nothing is random."""


class TestParams(Strict):
    """Recordings that are set apart: no selection, fold or standardisation sees them.

    Attributes:
        corpora: all recordings of these corpora.
        actors: all recordings of these actors, `corpus/actor` or a name that one corpus has.
        table: the recordings that a CSV in `external/` lists, by utterance, path or actor.
    """

    __test__ = False  # pytest takes a class of this name for tests

    corpora: tuple[Key, ...] = ()
    actors: tuple[Text, ...] = ()
    table: Text | None = None

    @model_validator(mode="after")
    def _one_of_them(self) -> TestParams:
        given = [name for name in ("corpora", "actors", "table") if getattr(self, name)]
        if len(given) != 1:
            raise ValueError(f"has {', '.join(given) or 'nothing'}; expected one of corpora, actors and table")
        return self


class PartitionParams(Strict):
    """The division of recordings into what runs train on and what they validate on (docs/splits.md).

    Attributes:
        scheme: what no run has in its training part and in its validation part: `actors` (Table 4), `sessions`,
            `corpora` (fold k validates corpus k), `texts`, `actors+texts`; `cross_corpus`: fold k trains on corpus k
            alone and validates the others; `table`: a split of the user's own.
        folds: number of folds. Schemes over corpora have as many as there are corpora, and may leave it out.
        seed: seed of the random assignment.
        balance_classes: whether the assignment with the most even classes is chosen; else the first.
        repeats: number of different partitions; the first does not depend on it.
        leave_one_out: with `cross_corpus`: whether as many folds more leave one corpus out each, so that with K
            corpora fold K + k trains on all but corpus k and validates it; their runs are then the headline.
        dev: whether a run holds the next fold out of training, to choose epochs and temperatures by.
        test: recordings that are set apart.
        table: of the scheme `table`: a CSV in `external/`.
        allow_leaks: what the parts of such a table may share; the report says that they do.
    """

    scheme: Scheme = "actors"
    folds: Count
    seed: Seed
    balance_classes: bool = True
    repeats: Count = 1
    leave_one_out: bool = False
    dev: bool = False
    test: TestParams | None = None
    table: Text | None = None
    allow_leaks: tuple[Leak, ...] = ()

    @property
    def by_actor(self) -> bool:
        """Whether every actor is validated in one fold of each repeat."""
        return self.scheme in BY_ACTOR

    @property
    def plain(self) -> bool:
        """Whether `data/folds.csv` says everything: a run trains on all actors that it does not validate."""
        return self.by_actor and not self.dev and self.test is None


def fold_corpora(corpora: Sequence[str], partition: PartitionParams) -> tuple[str, ...]:
    """The corpora that schemes over corpora make folds of, in the order of params.yaml: fold 1 is the first."""
    apart = partition.test.corpora if partition.test else ()
    return tuple(corpus for corpus in corpora if corpus not in apart)


def trained_on(corpora: Sequence[str], partition: PartitionParams) -> dict[int, tuple[str, ...]]:
    """The corpora that each fold of a scheme over corpora trains on; empty for other schemes."""
    if partition.scheme not in BY_CORPUS:
        return {}
    names = fold_corpora(corpora, partition)
    number = len(names)
    others = {fold: tuple(one for one in names if one != name) for fold, name in enumerate(names, start=1)}
    if partition.scheme == "cross_corpus":
        alone = {fold: (name,) for fold, name in enumerate(names, start=1)}
        return {**alone, **({number + fold: rest for fold, rest in others.items()} if partition.leave_one_out else {})}
    if not partition.dev:
        return others
    # The next corpus is held out too.
    return {fold: tuple(one for one in rest if one != names[fold % number]) for fold, rest in others.items()}


def headline_folds(partition: PartitionParams) -> tuple[int, ...]:
    """The folds whose runs are one experiment: all, or those that leave a corpus out, where others are beside them."""
    first = partition.folds // 2 + 1 if partition.leave_one_out else 1
    return tuple(range(first, partition.folds + 1))


def with_folds(values: Any) -> Any:
    """Sections in which `partition.folds` and `train.folds` are there where they follow from others."""
    if not (isinstance(values, Mapping) and isinstance(values.get("partition"), Mapping)):
        return values
    partition, corpora = values["partition"], values.get("corpora")
    if partition.get("scheme") in BY_CORPUS and "folds" not in partition and isinstance(corpora, Mapping):
        test = partition.get("test")
        apart = test.get("corpora") if isinstance(test, Mapping) else None
        # The values have not been checked yet.
        apart = apart if isinstance(apart, list | tuple) else ()
        number = len([corpus for corpus in corpora if corpus not in apart])
        number *= 2 if partition.get("leave_one_out") is True else 1
        partition = {**partition, "folds": max(1, number)}
    changed = {**values, "partition": partition}
    train, folds = values.get("train"), partition.get("folds")
    if isinstance(train, Mapping) and "folds" not in train and type(folds) is int and folds > 0:
        changed["train"] = {**train, "folds": tuple(range(1, folds + 1))}
    return changed


def partition_mistakes(partition: PartitionParams, corpora: Sequence[str]) -> Iterator[str]:
    """Conflicts between the options of a partition, and with the corpora."""
    scheme, folds = partition.scheme, partition.folds
    yield from repeated("partition.allow_leaks", partition.allow_leaks)
    if scheme in BY_CORPUS:
        number = len(fold_corpora(corpora, partition))
        if number < 2:
            yield (
                f"partition.scheme: {scheme} needs at least 2 corpora to train and validate on, and there "
                f"{'is 1' if number == 1 else 'are none'}; add corpora, or choose another scheme"
            )
        elif partition.leave_one_out and scheme == "cross_corpus" and number < 3:
            yield (
                "partition.leave_one_out: if one of 2 corpora is left out, a run trains on the other alone, as with "
                "scheme: cross_corpus without it; expected at least 3 corpora; remove it"
            )
        elif folds != number * (2 if partition.leave_one_out else 1):
            twice = " (twice, with leave_one_out)" if partition.leave_one_out else ""
            yield (
                f"partition.folds: {folds}, and with scheme: {scheme} every corpus is a fold{twice}, and there are "
                f"{number}; leave folds out"
            )
    elif folds < 2 and scheme != "table":
        yield f"partition.folds: {folds}; expected at least 2 (1 only with scheme: table)"
    if partition.leave_one_out and scheme != "cross_corpus":
        yield f"partition.leave_one_out: has no effect with scheme: {scheme}; expected it with cross_corpus; remove it"
    yield from _repeats_and_dev(partition)
    if (scheme == "table") != (partition.table is not None):
        given = "missing; scheme: table needs it, a CSV in external/" if scheme == "table" else "has no effect"
        yield f"partition.table: {given}{'' if scheme == 'table' else f' with scheme: {scheme}; remove it'}"
    if partition.allow_leaks and scheme != "table":
        yield f"partition.allow_leaks: has no effect with scheme: {scheme}, which allows no leak; remove it"
    if partition.test is not None:
        yield from repeated("partition.test.corpora", partition.test.corpora)
        yield from repeated("partition.test.actors", partition.test.actors)
        for name in partition.test.corpora:
            if name not in corpora:
                hint = did_you_mean(name, corpora)
                yield f"partition.test.corpora: {name!r} is not a corpus; {hint}expected some of {', '.join(corpora)}"
        if corpora and not fold_corpora(corpora, partition):
            yield "partition.test.corpora: names every corpus, which leaves none to train on; expected some of them"


def _repeats_and_dev(partition: PartitionParams) -> Iterator[str]:
    scheme, folds = partition.scheme, partition.folds
    if partition.repeats > 1 and scheme in WITHOUT_REPEATS:
        yield (
            f"partition.repeats: {partition.repeats}, and with scheme: {scheme} nothing is random, so that all would "
            "be the same; expected 1, or another scheme"
        )
    if not partition.dev:
        return
    if scheme == "cross_corpus":
        yield (
            "partition.dev: with scheme: cross_corpus a run trains on one corpus, so there is no fold to hold out; "
            "expected false"
        )
    elif folds < 3 and scheme != "table":
        yield (
            f"partition.dev: a run trains on all folds but two, and partition.folds is {folds}; expected at least 3 "
            "folds"
        )


class PartitionSections(Sections):
    """The sections of params.yaml that the partition depends on; of `corpora` the keys, readers and shared groups."""

    classes: Classes
    corpora: dict[Key, Any]
    partition: PartitionParams

    _with_folds = model_validator(mode="before")(with_folds)

    @property
    def sources(self) -> dict[str, Source]:
        """Where the names of each corpus come from."""
        return {corpus: source_of(corpus, entry) for corpus, entry in self.corpora.items()}

    def mistakes(self) -> list[str]:
        """See `Sections`."""
        return [*class_mistakes(self.classes), *partition_mistakes(self.partition, list(self.corpora))]
