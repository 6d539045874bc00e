"""All of `params.yaml`; the class of each section is in the package that it concerns."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

from pydantic import BeforeValidator, ConfigDict, Field, SerializeAsAny

from pipeline.core.errors import InputError
from pipeline.core.settings import PARAMS, Key, Variants, entry_of, read_settings
from pipeline.core.wording import counted, did_you_mean
from pipeline.corpora.params import Corpora, CorpusParams
from pipeline.corpora.registry import corpus_mistakes, reader_of
from pipeline.evaluation.params import ReportParams, selection_mistakes, table_mistakes
from pipeline.evaluation.terms import ALL
from pipeline.frontends.base import FrontEnd, FrontEndOptions
from pipeline.frontends.registry import front_end_class, make_front_end
from pipeline.runs.params import RunSections

SPECTROGRAM: dict[str, Any] = {"spectrogram": {"kind": "spectrogram"}}
"""The front end that always exists: models read it by default, and the figure of a recording shows it."""


AnyFrontEnd = Annotated[
    SerializeAsAny[FrontEndOptions], Variants("kind", lambda kind: front_end_class(kind).options_class)
]
"""An entry of `frontends` as the class of its kind."""

FrontEnds = Annotated[
    dict[Key, AnyFrontEnd],
    BeforeValidator(lambda value: {**SPECTROGRAM, **value} if isinstance(value, dict) else value),
    Field(validate_default=True),
]


class Params(RunSections):
    """All of `params.yaml`; unknown sections are refused."""

    model_config = ConfigDict(extra="forbid")

    corpora: Corpora
    frontends: FrontEnds = Field(default_factory=dict)
    report: ReportParams

    def corpus(self, key: str) -> CorpusParams:
        """A configured corpus.

        Raises:
            InputError: there is no such corpus.
        """
        return entry_of(self.corpora, key, "corpus")

    def reader(self, corpus: str) -> str:
        """The name of the reader of a configured corpus: the one it names, else its own."""
        return reader_of(self.corpora, corpus).name

    def front_end(self, key: str) -> FrontEnd[Any]:
        """A configured front end.

        Raises:
            InputError: there is no such front end.
        """
        return make_front_end(entry_of(self.frontends, key, "front end").completed(self.features.cmvn, self.frontends))

    def mistakes(self) -> list[str]:
        """See `Sections`."""
        return [
            *corpus_mistakes(self.corpora),
            *self._front_end_mistakes(),
            *super().mistakes(),
            *self._reading_mistakes(),
            *self._variant_mistakes(),
            *self._name_mistakes(),
            *selection_mistakes(self.report, self.partition),
            *table_mistakes(self.report, self.models),
        ]

    def _front_end_mistakes(self) -> Iterator[str]:
        """Front ends that cannot be made, or another kind under the key `spectrogram`, which is drawn as one."""
        for key in self.frontends:
            try:
                self.front_end(key)
            except InputError as error:
                yield f"frontends.{key}.{error}"
        kind = self.frontends["spectrogram"].kind
        if kind != "spectrogram":
            yield (
                f"frontends.spectrogram.kind: {kind!r}; the figure of a recording draws this front end as a spectrogram"
                "; expected 'spectrogram', or the other kind under another key"
            )

    def _reading_mistakes(self) -> Iterator[str]:
        """Models whose front end does not exist, or cannot be read by their family."""
        for key, model in self.models.items():
            if model.frontend not in self.frontends:
                yield (
                    f"models.{key}.frontend: {model.frontend!r} is not a front end; expected one of "
                    f"{', '.join(self.frontends)}"
                )
                continue
            try:
                front_end, kind = self.front_end(model.frontend), self.family_of(key)
            except InputError:
                continue  # listed as a mistake of the front end
            framewise = front_end.framewise
            gives = wants = also = ""
            if framewise != (kind.reads != "rows"):
                gives = "a row for each frame" if framewise else "one row a segment"
                wants = "one row a segment" if framewise else "a row for each frame"
                also = f", or read {{kind: functionals, of: {model.frontend}}}" if framewise else ""
            elif kind.convolves(model) and not front_end.frequency_axis:
                gives, wants = "columns that are not neighbouring frequencies", "frequencies, along which it convolves"
            elif kind.network:
                yield from self._narrow_mistakes(key, front_end)
            if gives:
                yield (
                    f"models.{key}.frontend: {model.frontend} gives {gives}, and the family {model.family} reads "
                    f"{wants}; choose another front end or family{also}"
                )

    def _narrow_mistakes(self, key: str, front_end: FrontEnd[Any]) -> Iterator[str]:
        """A network whose first convolution leaves fewer columns than its pooling needs."""
        try:
            network = self.design_of(key, front_end.shape).network
        except ValueError:
            return  # listed as another mistake
        if front_end.dims < (least := network.least_columns):
            yield (
                f"models.{key}.frontend: {self.models[key].frontend} gives {counted(front_end.dims, 'column')}; "
                f"expected at least {least} for network.kernel {list(network.kernel)} and network.pooling "
                f"{network.pooling}"
            )

    def _variant_mistakes(self) -> Iterator[str]:
        """Variants that do not exist, or have other columns than the model's own front end."""
        for key, model in self.models.items():
            try:
                variants, own = self.reading_of(key).variants, self.front_end(model.frontend).shape
            except (InputError, ValueError):
                continue  # listed as another mistake
            place = f"models.{key}.train.variants" if "variants" in (model.train or {}) else "train.variants"
            for variant in variants:
                if variant not in self.frontends:
                    expected = f"expected some of {', '.join(self.frontends)}"
                    yield f"{place}: {variant!r} is not a front end; {did_you_mean(variant, self.frontends)}{expected}"
                    continue
                try:
                    other = self.front_end(variant).shape
                except InputError:
                    continue  # listed as a mistake of the front end
                if replace(other, exact=own.exact) != own:
                    yield (
                        f"{place}: {variant} gives {other.dims} columns and {model.frontend} gives {own.dims}, or "
                        "their rows differ; expected the same front end at another speed or with noise"
                    )

    def _name_mistakes(self) -> Iterator[str]:
        """A corpus with the word for all corpora; front ends and corpora for which DVC would use the same name."""
        if ALL in self.corpora:
            yield f"corpora.{ALL}: tables of results call all corpora together {ALL!r}; choose another key"
        seen: dict[str, tuple[str, str]] = {}
        for frontend in self.frontends:
            for corpus in self.corpora:
                first = seen.setdefault(f"{frontend}-{corpus}", (frontend, corpus))
                if first != (frontend, corpus):
                    yield (
                        f"frontends.{frontend}: with the corpus {corpus} it makes the name {frontend}-{corpus}, as "
                        f"does {first[0]} with {first[1]}; rename one of them"
                    )


def load_params(path: Path = PARAMS) -> Params:
    """Read and check a params file.

    Raises:
        InputError: the file is missing or not YAML; or some key, type or value is wrong. The message lists all
            mistakes, each with its path in the file, its line, the value and what is allowed.
    """
    return read_settings(path, Params)
