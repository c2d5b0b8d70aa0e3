"""The text of a PDF: ``python -m kehu.collect.pdf_text`` reads a file, writes its text, and is gone.

A process of its own, for readers of PDF are where strangers' files bite: it has no key, no database and no network to lose,
little memory and time, and may write no file. It imports nothing of ours.
"""

from __future__ import annotations

import resource
import sys
from typing import Final

MOST_PAGES: Final = 500
MOST_TEXT: Final = 2_000_000  # characters
_MEMORY: Final = 1 << 30
_SECONDS: Final = 45


def confine() -> None:
    """Little memory, little time, no file."""
    for what, most in (
        (resource.RLIMIT_AS, _MEMORY), (resource.RLIMIT_CPU, _SECONDS), (resource.RLIMIT_FSIZE, 0), (resource.RLIMIT_CORE, 0),
    ):  # fmt: skip
        try:
            resource.setrlimit(what, (most, most))
        except ValueError:
            if sys.platform != "darwin":  # macOS knows no limit of address space
                raise


def main() -> int:
    """Text to standard output; 1: no PDF that can be read."""
    content = sys.stdin.buffer.read()
    import pypdfium2  # noqa: PLC0415 - before the limits: its library is loaded from a file

    confine()
    left = MOST_TEXT
    try:
        document = pypdfium2.PdfDocument(content)
        for number in range(min(len(document), MOST_PAGES)):
            text = document[number].get_textpage().get_text_bounded()[:left]
            sys.stdout.buffer.write(text.encode("utf-8", "replace") + b"\n")
            left -= len(text)
            if left <= 0:
                break
    except pypdfium2.PdfiumError:
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
