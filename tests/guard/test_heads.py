"""The file of checkpoints in the home: a note cut short is mended without putting the whole ones at risk."""

from __future__ import annotations

import resource

import pytest

from kehu.guard.ledger.checkpoint import Signer
from kehu.guard.ledger.heads import append_note, split_notes

LOG = Signer("kehu/log", b"a" * 32)


def test_mending_the_file_on_a_full_disk_loses_no_checkpoint(tmp_path):
    file = tmp_path / "checkpoints"
    notes = [LOG.sign(size, bytes([size]) * 32) for size in range(1, 40)]
    for note in notes:
        append_note(file, note)
    with file.open("ab") as cut:
        cut.write(b"kehu/log\n40\nAAAA")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (file.stat().st_size // 2, hard))
    try:
        with pytest.raises(OSError):
            append_note(file, LOG.sign(40, b"x" * 32))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert split_notes(file.read_text())[0] == notes
    append_note(file, LOG.sign(40, b"x" * 32))
    assert split_notes(file.read_text()) == ([*notes, LOG.sign(40, b"x" * 32)], "")
