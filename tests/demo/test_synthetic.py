import hashlib
import re
from collections import Counter
from dataclasses import replace

import av
import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.core.errors import InputError
from pipeline.demo import voice
from pipeline.demo.synthetic import FOUR, LONG, LONGER, demo_corpora, render, write_corpus

CORPORA = demo_corpora()
TAKES = [(corpus, take) for corpus in CORPORA.values() for take in corpus.takes]

OFFICIAL = {
    "enterface": r"subject \d+/\w+/(sentence \d/s_?\d+_(an|di|fe|ha|sa|su)_\d|s6_(an|di|fe|ha|sa|su))\.avi",
    "ravdess": r"Audio_(Speech|Song)_Actors_01-24/Actor_0\d/03-0[12]-0[1-8]-0[12]-0[12]-01-0\d\.wav",
    "iemocap": r"IEMOCAP_full_release/Session\d/sentences/wav/(Ses0\d[FM]_\w+\d[a-z]?)/\1_[FM]\d{3}\.wav",
    "emodb": r"wav/\d\d[ab]\d\d[WLEAFTN][a-z]\.wav",
    "emovo": r"EMOVO/([fm]\d)/(dis|gio|neu|pau|rab|sor|tri)-\1-[bln]\d\.wav",
    "savee": r"AudioData/(DC|JE|JK|KL)/(a|d|f|h|n|sa|su)\d\d\.wav",
}


def first(key, emotion, gender="F"):
    return next(take for take in CORPORA[key].takes if take.emotion == emotion and take.gender == gender)


def pitch(samples):
    """Hz, median over frames of the autocorrelation's peak between 60 and 500 Hz."""
    frames = np.lib.stride_tricks.sliding_window_view(samples, 640)[::320]
    loud = frames[(frames**2).sum(1) > np.median((frames**2).sum(1))]
    lags = range(voice.RATE // 500, voice.RATE // 60)
    peaks = [max(lags, key=lambda lag, frame=frame: float(frame[:-lag] @ frame[lag:])) for frame in loud]
    return voice.RATE / np.median(peaks)


@pytest.mark.parametrize("key", CORPORA)
def test_recordings_are_named_as_their_owner_names_them(key):
    paths = [take.path for take in CORPORA[key].takes]
    assert all(re.fullmatch(OFFICIAL[key], path) for path in paths)
    assert len(set(paths)) == len(paths)


@pytest.mark.parametrize("key", CORPORA)
def test_every_actor_records_each_class_three_times_and_something_else(key):
    counts = Counter((take.actor, take.emotion) for take in CORPORA[key].takes)
    classes = [emotion for emotion in FOUR if (key, emotion) != ("iemocap", "fear")]
    for actor in {take.actor for take in CORPORA[key].takes} - ({"6", "12"} if key == "enterface" else set()):
        assert all(counts[actor, emotion] >= 3 for emotion in classes)
    assert sum(count for (_, emotion), count in counts.items() if emotion not in FOUR) >= 3


def test_women_and_men_speak_in_every_corpus_but_savee():
    actors = {(corpus.key, take.actor, take.gender) for corpus, take in TAKES}
    balance = {key: "".join(sorted(gender for name, _, gender in actors if name == key)) for key in CORPORA}
    assert balance == {
        "enterface": "FFFFMMMMMM", "ravdess": "FFFFMMMM", "iemocap": "FFFFMMMM", "emodb": "FFFFMMMM",
        "emovo": "FFFMMM", "savee": "MMMM",
    }  # fmt: skip


def test_long_recordings_make_two_and_three_segments_however_fast_they_are_spoken():
    def seconds(corpus, take):
        return len(render(corpus, take)) / corpus.rate

    long = [(corpus, take, seconds(corpus, take)) for corpus, take in TAKES if take.syllables >= LONG]
    assert all(length > 6.4 for _, _, length in long)
    assert all(length > 12.9 for _, take, length in long if take.syllables == LONGER)
    assert {corpus.key for corpus, _, _ in long} == {"enterface", "iemocap", "emodb"}
    assert sum(length > 12.9 for _, _, length in long) >= 2


@pytest.mark.parametrize("key", ["ravdess", "iemocap", "emodb", "emovo", "savee"])
def test_wav_files_hold_the_rendered_samples_at_the_corpus_rate(key, tmp_path):
    corpus = replace(CORPORA[key], takes=CORPORA[key].takes[:1])
    write_corpus(corpus, tmp_path / key)
    path = tmp_path / key / corpus.takes[0].path
    assert soundfile.info(path).subtype == "PCM_16"
    samples, rate = soundfile.read(path, dtype="int16", always_2d=True)
    assert rate == {"iemocap": 16_000, "emodb": 16_000, "savee": 44_100}.get(key, 48_000)
    assert samples.shape[1] == (2 if key == "emovo" else 1)
    assert np.array_equal(samples, render(corpus, corpus.takes[0]))
    written = {file.relative_to(tmp_path / key).as_posix() for file in (tmp_path / key).rglob("*") if file.is_file()}
    assert written == {corpus.takes[0].path, *corpus.others}


def test_an_avi_holds_a_picture_and_the_rendered_samples(tmp_path):
    corpus = replace(CORPORA["enterface"], takes=CORPORA["enterface"].takes[:1])
    for folder in (tmp_path / "once", tmp_path / "again"):
        write_corpus(corpus, folder)
    once, again = (folder / corpus.takes[0].path for folder in (tmp_path / "once", tmp_path / "again"))
    assert once.read_bytes() == again.read_bytes()
    with av.open(str(once)) as container:
        assert len(container.streams.video) == 1
        sound = container.streams.audio[0]
        assert (sound.rate, sound.channels, sound.codec_context.name) == (48_000, 2, "pcm_s16le")
        samples = np.concatenate([frame.to_ndarray().reshape(-1, 2) for frame in container.decode(audio=0)])
    assert np.array_equal(samples, render(corpus, corpus.takes[0]))


def test_iemocap_labels_every_turn_once_beside_what_is_no_label():
    texts = [content.decode() for name, content in CORPORA["iemocap"].others.items() if "/Categorical/" not in name]
    labels = Counter(re.findall(r"^\[\d+\.\d{4} - \d+\.\d{4}\]\t(\w+)\t\w{3}\t\[[\d., ]+\]$", "\n".join(texts), re.M))
    turns = {take.path.rsplit("/", 1)[1].removesuffix(".wav") for take in CORPORA["iemocap"].takes}
    assert labels == Counter(turns)
    assert any(line.startswith("%") for text in texts for line in text.splitlines())
    # The speaker is the letter of the turn, not that of the session.
    assert {(turn[5], turn.rsplit("_", 1)[1][0]) for turn in turns} == {("F", "F"), ("F", "M"), ("M", "F"), ("M", "M")}


def test_emodb_table_is_latin_1():
    content = CORPORA["emodb"].others["erkennung.txt"]
    assert "natürlich" in content.decode("latin-1")
    with pytest.raises(UnicodeDecodeError):
        content.decode("utf-8")


PINNED = {
    ("enterface", "anger"): "9a6f0ab2812d9423f2aaa28dcca5c2ab2ceb3b8aa4e343853e9720de81067714",
    ("ravdess", "joy"): "7571d25ff9d1702725b60d65dc391f3ba6560e8c10562fb54628237aec5542ae",
    ("iemocap", "sadness"): "b4706e7d699db5510fe5984d1f61d1b5f5d94831251fa4162af93fc938c3db69",
    ("emodb", "fear"): "89ddf92d28feb9efde0d200c360c804686431fe7bc0f53202b693cac8f544b2b",
    ("emovo", "surprise"): "2b784ff6ff7451799f16794ea879790150a1bc0cfda5d14a51d66749a82eb3e0",
}


@pytest.mark.parametrize(("key", "emotion"), PINNED)
def test_the_same_samples_everywhere(key, emotion):
    samples = render(CORPORA[key], first(key, emotion))
    assert hashlib.sha256(samples.astype("<i2").tobytes()).hexdigest() == PINNED[key, emotion]


def test_no_two_recordings_are_the_same():
    speaker = voice.speaker("somebody", "F")
    spoken = [
        voice.speak(speaker, "joy", "text", 1, 5),
        voice.speak(speaker, "joy", "text", 2, 5),
        voice.speak(speaker, "joy", "other text", 1, 5),
        voice.speak(voice.speaker("somebody else", "F"), "joy", "text", 1, 5),
    ]
    assert len({samples.tobytes() for samples in spoken}) == len(spoken)
    drawn = Counter((corpus.key, take.actor, take.emotion, take.sentence, take.number) for corpus, take in TAKES)
    assert max(drawn.values()) == 1


@settings(max_examples=15, deadline=None)
@given(st.text(max_size=8), st.sampled_from("FM"), st.sampled_from(sorted(voice.MANNERS)), st.integers(2, 20))
def test_every_voice_is_finite_and_never_clipped(name, gender, emotion, syllables):
    speaker = voice.speaker(name, gender)
    samples = voice.speak(speaker, emotion, "text", 1, syllables)
    assert np.isfinite(samples).all()
    assert np.abs(samples).max() == pytest.approx(speaker.loudness)
    assert speaker.loudness < 0.95
    assert 0.08 * syllables < len(samples) / voice.RATE < 0.6 * syllables + 1


def test_on_average_emotions_are_heard_in_pitch_and_tempo():
    men = [voice.speaker(f"man {number}", "M") for number in range(8)]
    spoken = {emotion: [voice.speak(man, emotion, "text", 1, 5) for man in men] for emotion in FOUR}
    level = {emotion: np.mean([pitch(samples) for samples in takes]) for emotion, takes in spoken.items()}
    seconds = {emotion: np.mean([len(samples) for samples in takes]) for emotion, takes in spoken.items()}
    assert min(level["joy"], level["fear"]) > 1.2 * level["sadness"]
    assert max(seconds["joy"], seconds["anger"], seconds["fear"]) < 0.9 * seconds["sadness"]


def test_women_are_higher_than_men():
    women, men = (
        [pitch(voice.speak(voice.speaker(str(number), gender), "neutral", "text", 1, 5)) for number in range(6)]
        for gender in "FM"
    )
    assert np.mean(women) > 1.4 * np.mean(men)


def test_a_corpus_that_cannot_be_written_is_explained(tmp_path):
    (tmp_path / "savee").write_text("in the way")
    with pytest.raises(InputError, match="the demo corpus savee cannot be written"):
        write_corpus(CORPORA["savee"], tmp_path / "savee")
