"""The demo: six small corpora of synthetic voices, in the layouts and formats of the real ones.

Names, folders, sampling rates, channels, label files and a few of the real irregularities are those of the owners'
releases. The code has nothing in common with the readers, so that each checks the other. `voice.py` makes the voices.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Literal

import av
import numpy as np
import numpy.typing as npt
import soundfile
from scipy.signal import firwin, resample_poly

from pipeline.core.errors import InputError
from pipeline.demo import voice

FOUR = ("joy", "anger", "sadness", "fear")
"""The classes of the paper; every corpus also has a few recordings of other emotions."""

LONG, LONGER = 36, 78
"""Number of syllables of recordings longer than 6.4 s and than 12.8 s, at any tempo."""


@dataclass(frozen=True)
class Take:
    """One recording.

    Attributes:
        path: path inside the corpus, with forward slashes.
        actor: name of the speaker; the same name in two corpora has two voices.
        gender: F or M.
        emotion: one of `voice.MANNERS`.
        sentence: name of the sentence.
        syllables: length of the sentence in syllables.
        number: number of the repetition, for recordings of the same actor, emotion and sentence.
    """

    path: str
    actor: str
    gender: str
    emotion: str
    sentence: str
    syllables: int
    number: int = 1


@dataclass(frozen=True)
class Corpus:
    """A corpus as it is on disk.

    Attributes:
        key: name of the corpus in `params.yaml`.
        rate: sampling rate of the files, in Hz.
        channels: number of channels of the files.
        container: format of the files; an AVI has a small video track.
        takes: recordings of the corpus.
        others: content of each other file, by path.
    """

    key: str
    rate: int
    channels: int
    takes: tuple[Take, ...]
    container: Literal["WAV", "AVI"] = "WAV"
    others: Mapping[str, bytes] = field(default_factory=dict)


def demo_corpora() -> dict[str, Corpus]:
    """The six corpora of the demo by key; nothing is synthesised yet."""
    corpora = (_enterface(), _ravdess(), _iemocap(), _emodb(), _emovo(), _savee())
    return {corpus.key: corpus for corpus in corpora}


def write_corpus(corpus: Corpus, folder: Path) -> None:
    """Synthesise `corpus` into `folder`.

    Raises:
        InputError: a file has the name of a folder, or the disk is full or not writable.
    """
    try:
        for take in corpus.takes:
            path = folder / take.path
            path.parent.mkdir(parents=True, exist_ok=True)
            samples = render(corpus, take)
            if corpus.container == "AVI":
                _write_avi(path, samples, corpus.rate)
            else:
                soundfile.write(path, samples, corpus.rate, subtype="PCM_16", format="WAV")
        for name, content in corpus.others.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
    except (OSError, soundfile.LibsndfileError, av.FFmpegError) as error:
        raise InputError(
            f"{folder}: the demo corpus {corpus.key} cannot be written: {error}; free space or remove the file there"
        ) from error


def render(corpus: Corpus, take: Take) -> npt.NDArray[np.int16]:
    """The samples of `take` as stored in its corpus, shape (samples, channels)."""
    speaker = voice.speaker(f"{corpus.key} {take.actor}", take.gender)
    text = f"{corpus.key} {take.sentence}"
    samples = voice.speak(speaker, take.emotion, text, take.number, take.syllables)
    samples = _resampled(samples, corpus.rate)
    # The second microphone is a little further away.
    channels = [samples * (1 - 0.1 * channel) for channel in range(corpus.channels)]
    return np.round(32767 * np.clip(np.stack(channels, axis=1), -1, 1)).astype(np.int16)


def _resampled(samples: voice.Signal, rate: int) -> voice.Signal:
    ratio = Fraction(rate, voice.RATE)
    if ratio == 1:
        return samples
    widest = max(ratio.numerator, ratio.denominator)
    taps = np.round(firwin(20 * widest + 1, 1 / widest, window=("kaiser", 5.0)), voice.DIGITS)
    resampled: voice.Signal = resample_poly(samples, ratio.numerator, ratio.denominator, window=taps)
    return resampled


def _write_avi(path: Path, samples: npt.NDArray[np.int16], rate: int) -> None:
    """Write PCM sound with a small video track that stays grey."""
    pictures = 5  # per second
    with av.open(str(path), "w", format="avi", options={"fflags": "+bitexact"}) as container:
        picture = container.add_stream("mpeg4", rate=pictures)
        picture.width, picture.height, picture.pix_fmt = 32, 32, "yuv420p"
        sound = container.add_stream("pcm_s16le", rate=rate, layout="stereo")
        grey = np.full((48, 32), 128, np.uint8)
        for start in range(0, len(samples), rate // pictures):
            part = samples[start : start + rate // pictures]
            frame = av.VideoFrame.from_ndarray(grey, format="yuv420p")
            container.mux(picture.encode(frame))
            heard = av.AudioFrame.from_ndarray(part.reshape(1, -1), format="s16", layout="stereo")
            heard.sample_rate, heard.pts = rate, start
            container.mux(sound.encode(heard))
        container.mux(picture.encode(None))
        container.mux(sound.encode(None))


def _syllables(sentence: int) -> int:
    """Length of a sentence in syllables; the sentences of a corpus differ in length."""
    return (5, 6, 4, 6)[sentence % 4]


def _recorded(place: int, others: tuple[str, ...]) -> list[tuple[str, int]]:
    """The recordings of an actor: each of the four emotions three times (0, 1, 2) and one of the others, in turn."""
    four = [(emotion, number) for emotion in FOUR for number in range(3)]
    return [*four, (others[place % len(others)], 0)]


_THUMBNAILS = bytes.fromhex("d0cf11e0a1b11ae1") + bytes(504)
_APPLE_DOUBLE = bytes.fromhex("0005160700020000") + bytes(74)


def _enterface() -> Corpus:
    """`subject 1/anger/sentence 1/s1_an_1.avi`; subject 6 unsegmented, subject 11 under subject 12's names."""
    folders = {"joy": "happiness", "anger": "anger", "sadness": "sadness", "fear": "fear",
               "disgust": "disgust", "surprise": "surprise"}  # fmt: skip
    subjects = {1: "M", 2: "M", 3: "M", 11: "M", 4: "F", 5: "F", 7: "F", 26: "F"}
    prefixes = {3: "s_3", 11: "s12"}

    def take(subject: int, gender: str, emotion: str, sentence: int) -> Take:
        folder = folders[emotion]
        name = f"{prefixes.get(subject, f's{subject}')}_{folder[:2]}_{sentence}.avi"
        path = f"subject {subject}/{folder}/sentence {sentence}/{name}"
        return Take(path, str(subject), gender, emotion, f"{emotion} {sentence}", _syllables(sentence - 1))

    takes = [
        take(subject, gender, emotion, number + 1)
        for place, (subject, gender) in enumerate(subjects.items())
        for emotion, number in _recorded(place, ("disgust", "surprise"))
    ]  # fmt: skip
    takes += [take(12, "M", emotion, 1) for emotion in FOUR]
    takes.append(Take("subject 6/anger/s6_an.avi", "6", "M", "anger", "all sentences", LONG))
    others = {f"subject {subject}/{folder}/Thumbs.db": _THUMBNAILS
              for subject, folder in ((1, "anger"), (4, "fear/sentence 2"))}  # fmt: skip
    return Corpus("enterface", 48_000, 2, tuple(takes), "AVI", others)


def _ravdess() -> Corpus:
    """`Audio_Speech_Actors_01-24/Actor_01/03-01-05-01-01-01-01.wav` and the like for song; even actors are women."""
    codes = {"neutral": 1, "calm": 2, "joy": 3, "sadness": 4, "anger": 5, "fear": 6, "disgust": 7, "surprise": 8}

    def take(actor: int, channel: int, emotion: str, intensity: int, statement: int) -> Take:
        name = f"03-{channel:02d}-{codes[emotion]:02d}-{intensity:02d}-{statement:02d}-01-{actor:02d}.wav"
        archive = "Song" if channel == 2 else "Speech"
        path = f"Audio_{archive}_Actors_01-24/Actor_{actor:02d}/{name}"
        gender = "M" if actor % 2 else "F"
        return Take(path, f"{actor:02d}", gender, emotion, f"{archive} {statement}", _syllables(statement - 1))

    takes: list[Take] = []
    for actor in range(1, 9):
        for emotion, number in _recorded(actor, ("neutral", "calm", "disgust", "surprise")):
            channel, intensity, statement = ((1, 1, 1), (1, 2, 2), (2, 1, 1))[number]
            takes.append(take(actor, channel, emotion, intensity, statement))
    others = {"Audio_Speech_Actors_01-24/Actor_02/._03-01-05-01-01-01-02.wav": _APPLE_DOUBLE}
    return Corpus("ravdess", 48_000, 1, tuple(takes), others=others)


def _iemocap() -> Corpus:
    """`Session1/sentences/wav/<dialogue>/<turn>.wav` and `Session1/dialog/EmoEvaluation/<dialogue>.txt`; no fear.

    The letter after a dialogue's session says who wears the markers, the letter of the turn says who speaks.
    """
    root = "IEMOCAP_full_release"
    manners = {"hap": "joy", "ang": "anger", "sad": "sadness", "fea": "fear", "neu": "neutral", "exc": "joy",
               "fru": "anger", "xxx": "neutral"}  # fmt: skip
    lengths = {("Ses01F_impro01", "F", "sad"): LONGER, ("Ses02F_impro01", "M", "ang"): LONGER,
               ("Ses03M_impro05a", "F", "hap"): LONG, ("Ses04F_impro01", "M", "sad"): LONG}  # fmt: skip
    takes: list[Take] = []
    others: dict[str, bytes] = {}
    for session in range(1, 5):
        dialogues = (f"Ses{session:02d}F_impro01", f"Ses{session:02d}M_impro05a", f"Ses{session:02d}F_script01_1")
        for number, dialogue in enumerate(dialogues):
            clock, lines = 6.29, ["% [START_TIME - END_TIME] TURN_NAME EMOTION [V, A, D]", ""]
            for gender in "FM":
                labels = ["hap", "ang", "sad", ("neu", "exc", "fru", "xxx")[(number + session) % 4]]
                if (session, number, gender) == (1, 2, "F"):
                    labels.append("fea")
                for turn, label in enumerate(labels):
                    name = f"{dialogue}_{gender}{turn:03d}"
                    syllables = lengths.get((dialogue, gender, label), 4 + _syllables(number + turn))
                    path = f"{root}/Session{session}/sentences/wav/{dialogue}/{name}.wav"
                    sentence = f"{dialogue[5:]} {turn}"
                    takes.append(Take(path, f"{session}{gender}", gender, manners[label], sentence, syllables))
                    end = clock + 0.2 * syllables
                    lines += [f"[{clock:.4f} - {end:.4f}]\t{name}\t{label}\t[2.5000, 2.5000, 2.5000]",
                              "C-E2:\tOther;\t()", "A-E3:\tval 3; act 2; dom  2;\t()", ""]  # fmt: skip
                    clock = end + 0.5
            evaluation = f"{root}/Session{session}/dialog/EmoEvaluation"
            others[f"{evaluation}/{dialogue}.txt"] = "\n".join(lines).encode("ascii")
            others[f"{evaluation}/Categorical/{dialogue}_e2_cat.txt"] = b"Neutral\n"
    return Corpus("iemocap", 16_000, 1, tuple(takes), others=others)


def _emodb() -> Corpus:
    """`wav/03a01Fa.wav`: speaker, text, emotion, version; `erkennung.txt` in Latin-1."""
    codes = {"joy": "F", "anger": "W", "sadness": "T", "fear": "A", "disgust": "E", "boredom": "L", "neutral": "N"}
    speakers = {3: "M", 10: "M", 11: "M", 12: "M", 8: "F", 9: "F", 13: "F", 14: "F"}
    texts = ("a01", "a04", "b02")
    long = {(9, "sadness", "b02"), (11, "sadness", "b02")}

    def take(speaker: int, gender: str, emotion: str, text: int) -> Take:
        name = f"{speaker:02d}{texts[text]}{codes[emotion]}a"
        syllables = LONG if (speaker, emotion, texts[text]) in long else 2 + _syllables(text)
        return Take(f"wav/{name}.wav", f"{speaker:02d}", gender, emotion, texts[text], syllables)

    takes = [
        take(speaker, gender, emotion, text)
        for place, (speaker, gender) in enumerate(speakers.items())
        for emotion, text in _recorded(place, ("boredom", "neutral", "disgust"))
    ]  # fmt: skip
    rows = [f"{Path(take.path).name}\t96,5\t84,2" for take in takes]
    table = "\n".join(["Datei\terkannt (%)\tnatürlich (%)", *rows, ""])
    return Corpus("emodb", 16_000, 1, tuple(takes), others={"erkennung.txt": table.encode("latin-1")})


def _emovo() -> Corpus:
    """`EMOVO/f1/dis-f1-b1.wav`; stereo."""
    codes = {"joy": "gio", "anger": "rab", "sadness": "tri", "fear": "pau", "disgust": "dis", "neutral": "neu",
             "surprise": "sor"}  # fmt: skip
    sentences = ("b1", "l2", "n3")
    takes = [
        Take(f"EMOVO/{actor}/{codes[emotion]}-{actor}-{sentences[number]}.wav", actor, actor[0].upper(), emotion,
             sentences[number], _syllables(number))
        for place, actor in enumerate(("f1", "f2", "f3", "m1", "m2", "m3"))
        for emotion, number in _recorded(place, ("disgust", "neutral", "surprise"))
    ]  # fmt: skip
    others = {"EMOVO/documents/frasi.txt": b"b1: Gli operai si alzano presto.\n"}
    return Corpus("emovo", 48_000, 2, tuple(takes), others=others)


def _savee() -> Corpus:
    """`AudioData/DC/a01.wav`; four men, the same names for each."""
    codes = {"joy": "h", "anger": "a", "sadness": "sa", "fear": "f", "disgust": "d", "neutral": "n", "surprise": "su"}
    takes = [
        Take(f"AudioData/{actor}/{codes[emotion]}{number + 1:02d}.wav", actor, "M", emotion, f"{emotion} {number}",
             _syllables(number))
        for place, actor in enumerate(("DC", "JE", "JK", "KL"))
        for emotion, number in _recorded(place, ("disgust", "neutral", "surprise"))
    ]  # fmt: skip
    others = {"AudioData/Info.txt": b"a anger, d disgust, f fear, h happiness, n neutral, sa sadness, su surprise\n"}
    return Corpus("savee", 44_100, 1, tuple(takes), others=others)
