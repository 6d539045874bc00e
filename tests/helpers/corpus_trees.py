"""File lists of the six corpora, made from their naming rules, and stand-in files to put there."""

from __future__ import annotations

import struct
import zlib
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path

import av
import numpy as np

# What a real copy holds beside its recordings.
LITTER = ("Thumbs.db", ".DS_Store", "._twin.wav", "__MACOSX/x/._y.wav", "docs/readme.txt", "notes (ü).pdf")


def enterface() -> list[str]:
    codes = {"anger": "an", "disgust": "di", "fear": "fe", "happiness": "ha", "sadness": "sa", "surprise": "su"}
    files = []
    for subject in range(1, 45):
        for folder, code in codes.items():
            place = f"subject {subject}/{folder}"
            if subject == 6:
                files.append(f"{place}/s6_{code}.avi")
                continue
            for sentence in range(1, 6):
                if subject == 23 and folder == "happiness" and sentence < 4:
                    continue
                name = f"s{12 if subject == 11 else subject}_{code}_{sentence}.avi"
                if subject == 3 and code in ("an", "di", "fe") and sentence < 6:
                    name = f"s_3_{code}_{sentence}.avi"
                if (subject, code, sentence) == (16, "su", 3):
                    name = "s16_su_3avi.avi"
                files.append(f"{place}/sentence {sentence}/{name}")
    return files


def ravdess() -> list[str]:
    files = []
    for channel, title, last in ((1, "Speech", 8), (2, "Song", 6)):
        for actor in range(1, 25):
            if channel == 2 and actor == 18:
                continue
            for emotion in range(1, last + 1):
                for intensity in (1, 2) if emotion > 1 else (1,):
                    for statement in (1, 2):
                        for repetition in (1, 2):
                            codes = (3, channel, emotion, intensity, statement, repetition, actor)
                            name = "-".join(f"{code:02d}" for code in codes)
                            files.append(f"Audio_{title}_Actors_01-24/Actor_{actor:02d}/{name}.wav")
    return files


IEMOCAP_COUNTS = {
    "xxx": 2507, "fru": 1849, "neu": 1708, "ang": 1103, "sad": 1084, "exc": 1041, "hap": 595, "sur": 107, "fea": 40,
    "oth": 3, "dis": 2,
}  # fmt: skip
DIALOGUES = ("impro01", "impro05a", "script01_1", "script01_1b", "script02_2")


def iemocap(counts: dict[str, int] = IEMOCAP_COUNTS) -> tuple[list[str], dict[str, str]]:
    """Recordings, and label files with their text."""
    labels = [label for label, count in counts.items() for _ in range(count)]
    files, lines = [], {}
    for number, label in enumerate(labels):
        session, speaker, wearer = number % 5 + 1, "FM"[number // 5 % 2], "FM"[number // 10 % 2]
        dialogue = f"Ses{session:02d}{wearer}_{DIALOGUES[number // 20 % 5]}"
        name = f"{dialogue}_{speaker}{number // 100:03d}"
        files.append(f"Session{session}/sentences/wav/{dialogue}/{name}.wav")
        text = lines.setdefault(
            f"Session{session}/dialog/EmoEvaluation/{dialogue}.txt",
            ["% [START_TIME - END_TIME] TURN_NAME EMOTION [V, A, D]\n"],
        )
        text.append(f"\n[6.2901 - 8.2357]\t{name}\t{label}\t[2.5000, 2.5000, 2.5000]\nC-E2:\tNeutral;\t()\n")
    return files, {path: "".join(text) for path, text in lines.items()}


EMODB_COUNTS = {"W": 127, "L": 81, "E": 46, "A": 69, "F": 71, "T": 62, "N": 79}
EMODB_SPEAKERS = {
    "03": 49, "08": 58, "09": 43, "10": 38, "11": 55, "12": 35, "13": 61, "14": 69, "15": 56, "16": 71,
}  # fmt: skip


def emodb() -> list[str]:
    """As many names of each emotion and of each speaker as the owner's, speakers spread evenly over emotions."""
    texts = ("a01", "a02", "a04", "a05", "a07", "b01", "b02", "b03", "b09", "b10")
    letters = [letter for letter, count in EMODB_COUNTS.items() for _ in range(count)]
    turns = sorted(
        ((turn + 0.5) / count, speaker) for speaker, count in EMODB_SPEAKERS.items() for turn in range(count)
    )
    files, told = [], Counter()
    for letter, (_, speaker) in zip(letters, turns, strict=True):
        number = told[speaker, letter]
        told[speaker, letter] += 1
        files.append(f"wav/{speaker}{texts[number % 10]}{letter}{'abc'[number // 10]}.wav")
    return files


def emovo() -> list[str]:
    sentences = ("b1", "b2", "b3", "l1", "l2", "l3", "l4", "n1", "n2", "n3", "n4", "n5", "d1", "d2")
    return [
        f"EMOVO/{actor}/{emotion}-{actor}-{sentence}.wav"
        for actor in ("f1", "f2", "f3", "m1", "m2", "m3")
        for emotion in ("dis", "gio", "neu", "pau", "rab", "sor", "tri")
        for sentence in sentences
    ]


def savee(pattern: str = "AudioData/{actor}/{name}.wav") -> list[str]:
    return [
        pattern.format(actor=actor, name=f"{code}{sentence:02d}")
        for actor in ("DC", "JE", "JK", "KL")
        for code in ("a", "d", "f", "h", "n", "sa", "su")
        for sentence in range(1, 31 if code == "n" else 16)
    ]


def wav_bytes(seed: str, *, samples: int = 480, rate: int = 16000) -> bytes:
    """A mono 16-bit WAV of noise, another for every seed."""
    noise = np.random.default_rng(zlib.crc32(seed.encode())).integers(-300, 300, samples, dtype=np.int16).tobytes()
    form = struct.pack("<4sIHHIIHH", b"fmt ", 16, 1, 1, rate, 2 * rate, 2, 16)
    return (
        struct.pack("<4sI4s", b"RIFF", 36 + len(noise), b"WAVE")
        + form
        + b"data"
        + struct.pack("<I", len(noise))
        + noise
    )


def write_avi(path: Path, seed: str = "", *, samples: int = 4800, rate: int = 48000, sound: bool = True) -> None:
    """A video of a few black frames with 48 kHz stereo PCM."""
    noise = np.random.default_rng(zlib.crc32(seed.encode())).integers(-300, 300, (samples, 2), dtype=np.int16)
    with av.open(str(path), "w", format="avi") as container:
        video = container.add_stream("mpeg4", rate=25)
        video.width = video.height = 32
        video.pix_fmt = "yuv420p"
        audio = container.add_stream("pcm_s16le", rate=rate, layout="stereo") if sound else None
        for _ in range(3):
            container.mux(video.encode(av.VideoFrame.from_ndarray(np.zeros((32, 32, 3), np.uint8), format="rgb24")))
        container.mux(video.encode())
        if audio is not None:
            frame = av.AudioFrame.from_ndarray(noise.reshape(1, -1), format="s16", layout="stereo")
            frame.sample_rate = rate
            container.mux(audio.encode(frame))
            container.mux(audio.encode())


def plant(root: Path, files: Iterable[str]) -> Path:
    """Write a stand-in for every file: noise of its own behind audio endings, a few bytes elsewhere."""
    for name in files:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.suffix == ".avi":
            write_avi(path, name)
        else:
            path.write_bytes(wav_bytes(name) if path.suffix == ".wav" else b"text")
    return root


def plant_texts(root: Path, texts: dict[str, str]) -> Path:
    for name, text in texts.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="latin-1")
    return root


def files_below(root: Path) -> Iterator[str]:
    return (path.relative_to(root).as_posix() for path in root.rglob("*") if not path.is_dir())


CREMAD_SENTENCES = ("DFA", "IEO", "IOM", "ITH", "ITS", "IWL", "IWW", "MTI", "TAI", "TIE", "TSI", "WSI")


def cremad() -> list[str]:
    """As many names of each emotion as the owner's; the ones left out are the last, not those that the owner lacks."""
    names: dict[str, list[str]] = {}
    for actor in range(1001, 1092):
        for sentence in CREMAD_SENTENCES:
            for emotion in ("ANG", "DIS", "FEA", "HAP", "NEU", "SAD"):
                three = sentence == "IEO" and emotion != "NEU"
                for level in ("LO", "MD", "HI") if three else ("XX",):
                    names.setdefault(emotion, []).append(f"AudioWAV/{actor}_{sentence}_{emotion}_{level}.wav")
    kept = [name for emotion, all_of_it in names.items() for name in all_of_it[: 1087 if emotion == "NEU" else 1271]]
    # The release has one name with a single X.
    return [name.replace("1040_ITH_SAD_XX", "1040_ITH_SAD_X") for name in kept]


def nemo() -> list[str]:
    counts = {"anger": 749, "fear": 736, "happiness": 749, "neutral": 809, "sadness": 769, "surprised": 669}
    speakers = ("EB0", "IC0", "KD0", "KS0", "MK0", "MP0", "SM0", "TP0", "WR0")
    return [
        f"samples/{speakers[number % 9]}_{emotion}_{number // 9 + 1}.wav"
        for emotion, count in counts.items()
        for number in range(count)
    ]


def tess() -> list[str]:
    folders = {"angry": "angry", "disgust": "disgust", "fear": "Fear", "happy": "happy", "neutral": "neutral",
               "ps": "Pleasant_surprise", "sad": "Sad"}  # fmt: skip
    words = [f"word{chr(97 + number // 26)}{chr(97 + number % 26)}" for number in range(199)] + ["bite"]
    files = [
        f"{actor}_{folder}/{actor}_{word}_{code}.wav"
        for actor in ("OAF", "YAF")
        for code, folder in folders.items()
        for word in words
    ]
    return [name.replace("OAF_bite_neutral", "OA_bite_neutral") for name in files]


def subesco() -> list[str]:
    emotions = ("ANGRY", "DISGUST", "FEAR", "HAPPY", "NEUTRAL", "SAD", "SURPRISE")
    return [
        f"SUBESCO/{gender}_{number:02d}_NAME{chr(65 + number)}_S_{sentence}_{emotion}_{take}.wav"
        for gender in "FM"
        for number in range(1, 11)
        for sentence in range(1, 11)
        for emotion in emotions
        for take in range(1, 6)
    ]


def esd() -> list[str]:
    folders = ("Neutral", "Angry", "Happy", "Sad", "Surprise")
    return [
        f"ESD/{speaker:04d}/{folder}/{('train', 'evaluation', 'test')[number % 3]}/{speaker:04d}_{350 * part + number + 1:06d}.wav"
        for speaker in range(1, 21)
        for part, folder in enumerate(folders)
        for number in range(350)
    ]


def cafe() -> list[str]:
    folders = {"C": "Colère", "D": "Dégoût", "J": "Joie", "N": "Neutre", "P": "Peur", "S": "Surprise", "T": "Tristesse"}
    return [
        f"{folder}/{'' if letter == 'N' else ('Faible/', 'Fort/')[level - 1]}{actor:02d}-{letter}-{level}-{sentence}.wav"
        for letter, folder in folders.items()
        for level in ((1,) if letter == "N" else (1, 2))
        for actor in range(1, 13)
        for sentence in range(1, 7)
    ]


def emodb2() -> list[str]:
    """The first edition and 281 more names, each with its laryngograph's twin."""
    more = [f"{stem}x.wav" for stem in dict.fromkeys(name.removesuffix(".wav")[:-1] for name in emodb())][:281]
    return [name for file in [*emodb(), *more] for name in (file, file.replace("wav/", "laryngo/", 1))]
