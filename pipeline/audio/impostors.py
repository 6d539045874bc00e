"""Files that lie where a recording should be and are something else, named for what they are."""

from __future__ import annotations

import re

SNIFFED = 512
"""Number of bytes at the start of a file that tell what it is."""

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
        (rb"PK\x03\x04|Rar!\x1a\x07|7z\xbc\xaf\x27\x1c|\x1f\x8b\x08", "an archive (zip, rar, 7z or gzip); unpack it"),
        (rb"\x00{512}", "zeros from its start on, as an unfinished download or copy leaves it; get it again"),
    )
)


def impostor(start: bytes) -> str | None:
    """What a file is that is no recording, and the remedy; None if it may be one.

    Args:
        start: its first `SNIFFED` bytes.
    """
    return next((text for pattern, text in _KINDS if pattern.match(start)), None)
