"""A scanned form, as the tests hand one in: a sheet with something written on it."""

from __future__ import annotations

import io

from PIL import Image, ImageDraw


def sheet(text: str = "I agree", *, format: str = "PNG", size: tuple[int, int] = (620, 877), **more: object) -> bytes:
    """One page as a file of that format."""
    page = Image.new("RGB", size, "white")
    ImageDraw.Draw(page).text((40, 40), text, fill="black")
    made = io.BytesIO()
    page.save(made, format=format, **more)
    return made.getvalue()


def jpeg(content: bytes) -> Image.Image:
    """What is kept, opened: it is a JPEG and nothing but one."""
    picture = Image.open(io.BytesIO(content), formats=["JPEG"])
    picture.load()
    return picture
