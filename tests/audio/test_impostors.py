import pytest

from pipeline.audio.decoding import examine, probe
from pipeline.audio.recording import AudioError

CASES = {
    "a pointer of Git LFS, .* `git lfs pull`": (
        b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a214614ab2935c943f9e0ff69d22eadbb8f32b1258daaa5e2ca24d17e2393\n"
        b"size 96044\n",
    ),
    "a pointer of git-annex, .* `git annex get`": (
        b"../.git/annex/objects/Xx/4J/SHA256E-s96044--4d7a.wav/SHA256E-s96044--4d7a.wav",
        b"/annex/objects/SHA256E-s96044--4d7a.wav\n",
    ),
    r"a web page \(HTML\)": (
        b"<!DOCTYPE html>\n<html><head><title>Sign in</title></head></html>", b"\n\n  <HTML lang='en'>", b"\xef\xbb\xbf<html>",
        b"<!-- saved -->\n<html><body>quota exceeded</body></html>", "<html>".encode("utf-16"),
    ),
    "an XML document": (b"<?xml version='1.0'?><Error><Code>AccessDenied</Code></Error>",),
    "a JSON document": (b'{"message": "Not Found"}', b'[{"error": 1}]'),
    r"text, not sound \('404: Not Found'\)": (b"404: Not Found\n",),
    r"text, not sound \('../audio/a.wav'\)": (b"../audio/a.wav",),
    r"text, not sound \('Not Found'\)": ("Not Found\r\n".encode("utf-16"),),
    "a picture or a document": (b"%PDF-1.7\n%\xe2\xe3", b"\x89PNG\r\n\x1a\n" + bytes(90), b"\xff\xd8\xff\xe0" + bytes(90)),
    "an array": (b"\x93NUMPY\x01\x00" + bytes(90),),
    r"an archive \(": (b"BZh91AY&SY" + bytes(range(90)), b"a" + bytes(256) + b"ustar" + bytes(300),
                       b"PK\x03\x04" + bytes(100), b"\x1f\x8b\x08" + bytes(40), b"Rar!\x1a\x07\x00" + bytes(40)),
    "zeros from its start": (bytes(4096),),
}  # fmt: skip


@pytest.mark.parametrize(("named", "content"), [(named, one) for named, all_of in CASES.items() for one in all_of])
def test_what_is_saved_as_audio_and_is_none_is_named(tmp_path, named, content):
    (tmp_path / "a.wav").write_bytes(content)
    for function in (examine, probe):
        with pytest.raises(AudioError, match=f"^unreadable: {named}"):
            function(tmp_path / "a.wav")
