import pandas as pd
import pytest

from pipeline.core.errors import InputError
from pipeline.folds.uniqueness import refuse_shared


def utterances(*rows: tuple[str, str, str, str]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=["utterance", "corpus", "path", "digest"])


def test_corpora_with_nothing_in_common_pass():
    # Within one corpus, ingest has told or refused identical sound already.
    refuse_shared(utterances(("a-x", "a", "x.wav", "0"), ("a-y", "a", "y.wav", "0"), ("b-x", "b", "x.wav", "1")))


def test_one_key_of_two_corpora_is_refused_with_both_recordings():
    with pytest.raises(InputError) as refused:
        refuse_shared(utterances(("a-b-x", "a", "b/x.wav", "0"), ("a-b-x", "a-b", "x.wav", "1")))
    assert str(refused.value) == (
        "the utterance key a-b-x means b/x.wav of a and x.wav of a-b; expected a key for each; rename the "
        "corpus a or a-b in params.yaml so that neither name begins with the other"
    )


def test_one_sound_in_two_corpora_is_refused_with_both_names():
    with pytest.raises(InputError) as refused:
        refuse_shared(utterances(("a-x", "a", "x.wav", "0"), ("a-y", "a", "y.wav", "1"), ("b-z", "b", "z.flac", "0")))
    assert str(refused.value) == (
        "different corpora hold the same sound, which could be trained on and validated on in the same run: "
        "x.wav of a and z.flac of b; expected every recording in one corpus; remove the copies, or a or b from "
        "params.yaml"
    )


def test_a_corpus_configured_twice_is_refused_in_one_line():
    rows = [(f"{corpus}-{name}", corpus, f"{name}.wav", str(name)) for corpus in ("a", "b") for name in range(50)]
    with pytest.raises(InputError, match=r"0\.wav of a and 0\.wav of b, .* and 47 more; expected"):
        refuse_shared(utterances(*rows))
