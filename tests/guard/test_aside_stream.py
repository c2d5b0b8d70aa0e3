"""A large thing set aside: what was cut off, wherever it was cut, is never read as if it were whole."""

from __future__ import annotations

import io

import pytest

from kehu.guard.aside import AsideDoesNotOpen
from kehu.guard.aside_stream import FRAME, OpeningReader, SealingWriter
from kehu.vault.ids import new_id

KEY = b"k" * 32


@pytest.fixture
def frames(tmp_path):
    """Seal so many bytes to a file, keep so many of the file's, and read it."""
    id, path = new_id(), tmp_path / "aside"

    def read(size, kept):
        with path.open("wb") as stream:
            writer = SealingWriter(stream, KEY, id)
            writer.write(bytes(size))
            writer.close()
        content = path.read_bytes()
        path.write_bytes(content[: len(content) if kept is None else kept])
        with io.BufferedReader(OpeningReader(path.open("rb"), KEY, id)) as reader:
            return len(reader.read())

    return read


@pytest.mark.parametrize("size", [0, 1, FRAME - 1, FRAME, FRAME + 1, 2 * FRAME])
def test_what_is_whole_is_read(frames, size):
    assert frames(size, None) == size


@pytest.mark.parametrize("kept", [0, 5, 20, 27, 28, FRAME, FRAME + 28, FRAME + 29, FRAME + 40, FRAME + 56, FRAME + 57])
def test_what_was_cut_off_is_never_whole(frames, kept):
    with pytest.raises(AsideDoesNotOpen):
        frames(2 * FRAME, kept)
