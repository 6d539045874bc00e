"""Files that are named like recordings and are something else; messages say what they are."""

from __future__ import annotations

import codecs
import re

SNIFFED = 512
"""Number of bytes at the start of a file by which its kind is recognised."""

SHOWN = 40
"""Number of characters of a text that a message shows."""

_KINDS: tuple[tuple[re.Pattern[bytes], str], ...] = tuple(
    (re.compile(pattern, re.IGNORECASE | re.DOTALL), text)
    for pattern, text in (
        (
            rb"version https://git-lfs\.github\.com/",
            "a pointer of Git LFS, not the recording itself; `git lfs pull` downloads it",
        ),
        (
            rb"(\.\./)*\.?/?(\.git/)?annex/objects/",
            "a pointer of git-annex, not the recording itself; `git annex get` downloads it",
        ),
        (
            rb"(\xef\xbb\xbf)?\s*(<!--.*?-->\s*)*<(!doctype\s+html|html|head|body)\b",
            "a web page (HTML) saved as audio, as a failed download leaves it; download the recording again",
        ),
        (
            rb"(\xef\xbb\xbf)?\s*<\?xml\b",
            "an XML document saved as audio, as a failed download leaves it; download the recording again",
        ),
        (
            rb"(\xef\xbb\xbf)?\s*[{\[]\s*[\"\]}{]",
            "a JSON document saved as audio, as a failed download leaves it; download the recording again",
        ),
        (
            rb"PK\x03\x04|Rar!\x1a\x07|7z\xbc\xaf\x27\x1c|\x1f\x8b\x08|BZh[1-9]1AY|\xfd7zXZ\x00|\x28\xb5\x2f\xfd"
            rb"|.{257}ustar",
            "an archive (zip, rar, 7z, gzip, bzip2, xz, zstd or tar); unpack it",
        ),
        (rb"\x89PNG\r|\xff\xd8\xff|GIF8|%PDF-", "a picture or a document (PNG, JPEG, GIF or PDF), not a recording"),
        (rb"(?-i:MThd)", "notes for a synthesizer (MIDI), not a recording"),
        (rb"(?-i:\x00\x05\x16\x07)", "what macOS keeps beside a file (AppleDouble), not the recording itself"),
        (rb"\x93NUMPY|\x89HDF", "an array (NumPy or HDF5); write it as WAV or FLAC"),
        (rb"\x00{512}", "zeros from its start on, as an unfinished download or copy leaves it; get it again"),
    )
)


def impostor(start: bytes) -> str | None:
    """The kind of a file that is not a recording, and the remedy; None if it may be a recording.

    Args:
        start: its first `SNIFFED` bytes.
    """
    if start.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        # As PowerShell redirects what a program prints; sound that begins so is no ASCII behind it.
        plain = start.decode("utf-16", "ignore")
        start = plain.encode() if plain.isascii() else start
    return next((text for pattern, text in _KINDS if pattern.match(start)), _text(start))


def _text(start: bytes) -> str | None:
    """The message about a file of plain text; None for the start of any other file."""
    text = start.decode("utf-8-sig", "ignore")
    words = " ".join(text.split())
    # The header of NIST Sphere is text; a character that the end of `start` cuts is left out.
    if start.startswith(b"NIST_1A") or not words.isprintable() or len(text.encode()) < len(start) - 3:
        return None
    shown = words if len(words) <= SHOWN else f"{words[:SHOWN]} ..."
    return f"text, not sound ({shown!r}), as a failed download or a copied link leaves it; get the recording again"
