"""A paper form's scan made anew: ``python -m kehu.serve.rights.consents.scanning`` reads a file, writes one picture, and is gone.

A process of its own, for decoders of pictures are where strangers' files bite: it has no key, no database and no network to
lose, little memory and time, and may write no file. What it writes was drawn pixel by pixel: no metadata, no second file
behind the first, nothing that runs. It imports nothing of ours.
"""

from __future__ import annotations

import io
import resource
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, BinaryIO, Final

if TYPE_CHECKING:
    from PIL import Image

MOST_INPUT: Final = 20 << 20
MOST_OUTPUT: Final = 3 << 20
MOST_PAGES: Final = 8
MOST_PIXELS: Final = 60_000_000
"""Of one page as it comes: an A3 sheet at 400 dpi has 31 million."""
_WIDE: Final = 1_654  # A4 at 200 dpi
_HIGH: Final = 2_800
_MEMORY: Final = 2 << 30
_SECONDS: Final = 20
_FORMATS: Final = ("JPEG", "PNG", "WEBP", "TIFF")
_QUALITIES: Final = (78, 62, 46, 30)
REASONS: Final = {3: "unreadable", 4: "too-large", 5: "too-many-pages", 6: "locked"}
"""Exit codes of a file that is not taken."""


class Stop(Exception):
    """Not taken; the number is one of :data:`REASONS`."""

    def __init__(self, code: int) -> None:
        super().__init__(code)
        self.code = code


def confine() -> None:
    """Little memory, little time, no file, no other process."""
    for what, most in (
        (resource.RLIMIT_AS, _MEMORY), (resource.RLIMIT_CPU, _SECONDS), (resource.RLIMIT_FSIZE, 0), (resource.RLIMIT_CORE, 0),
    ):  # fmt: skip
        try:
            resource.setrlimit(what, (most, most))
        except ValueError:
            if sys.platform != "darwin":  # macOS knows no limit of address space
                raise


def remade(content: bytes) -> bytes:
    """One JPEG of all pages, one below the other.

    Raises:
        Stop: no picture or PDF that can be read, too large, too many pages, or locked with a password.
    """
    from PIL import Image

    Image.MAX_IMAGE_PIXELS = MOST_PIXELS
    pages = list(_pdf_pages(content) if content.startswith(b"%PDF-") else _picture_pages(content))
    whole = Image.new("RGB", (max(page.width for page in pages), sum(page.height for page in pages)), "white")
    down = 0
    for page in pages:
        whole.paste(page, (0, down))
        down += page.height
    for quality in _QUALITIES:
        made = io.BytesIO()
        whole.save(made, format="JPEG", quality=quality, optimize=True)
        if made.tell() <= MOST_OUTPUT:
            return made.getvalue()
    raise Stop(4)


def _picture_pages(content: bytes) -> Iterator[Image.Image]:
    from PIL import Image, ImageOps, ImageSequence

    with Image.open(io.BytesIO(content), formats=_FORMATS) as picture:
        if getattr(picture, "n_frames", 1) > MOST_PAGES:
            raise Stop(5)
        for frame in ImageSequence.Iterator(picture):
            if frame.width * frame.height > MOST_PIXELS:
                raise Stop(4)
            frame.draft("RGB", (_WIDE, _HIGH))  # of a JPEG: decoded no larger than needed
            turned = ImageOps.exif_transpose(
                frame
            )  # what the camera noted of up and down is in the pixels from here on
            yield _on_white(turned)


def _pdf_pages(content: bytes) -> Iterator[Image.Image]:
    import pypdfium2

    try:
        document = pypdfium2.PdfDocument(content)
    except pypdfium2.PdfiumError as failed:
        raise Stop(6 if "assword" in str(failed) else 3) from None
    if not 0 < len(document) <= MOST_PAGES:
        raise Stop(5 if len(document) else 3)
    for page in document:
        width, height = page.get_size()  # points, 72 to the inch
        scale = min(_WIDE / max(width, 1), _HIGH / max(height, 1), 200 / 72)
        if width * scale < 1 or height * scale < 1:
            raise Stop(3)
        yield _on_white(page.render(scale=scale, may_draw_forms=False).to_pil())


def _on_white(page: Image.Image) -> Image.Image:
    """As it would look on paper, no larger than needed, and of its own pixels alone."""
    from PIL import Image

    flat = page.convert("RGBA")
    flat.thumbnail((_WIDE, _HIGH), Image.Resampling.LANCZOS)
    sheet = Image.new("RGB", flat.size, "white")
    sheet.paste(flat, mask=flat.getchannel("A"))
    return sheet


def main(source: BinaryIO, target: BinaryIO) -> int:
    """Read, make anew, write; returns the exit code. Whatever a decoder says of a file stays unsaid: it may quote it."""
    content = source.read(MOST_INPUT + 1)
    if len(content) > MOST_INPUT:
        return 4
    confine()
    try:
        made = remade(content)
    except Stop as stopped:
        return stopped.code
    except Exception as failed:  # noqa: BLE001  (decoders raise whatever they like)
        return (
            4 if type(failed).__name__ in ("DecompressionBombError", "DecompressionBombWarning", "MemoryError") else 3
        )
    target.write(made)
    target.flush()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.stdin.buffer, sys.stdout.buffer))
