"""Files of which nothing else may be left than what was there or the whole: on any file system."""

from __future__ import annotations

import errno
import os
import stat

import pytest

from kehu.host import home
from kehu.host.home import write_new


def _cannot(monkeypatch, *ways, why=errno.EPERM):
    """A file system that lacks these ways to give a file its name, as FAT and many a share do."""

    def refuse(*names):
        raise OSError(why, os.strerror(why))

    for place, name in ways:
        monkeypatch.setattr(place, name, refuse)


LINK, RENAME = (os, "link"), (home, "_rename_to_new")


@pytest.mark.parametrize("lacks", [(), (LINK,), (LINK, RENAME)], ids=["all", "no links", "replaces alone"])
def test_a_new_file_is_whole_on_any_file_system_and_over_no_other(tmp_path, monkeypatch, lacks):
    _cannot(monkeypatch, *lacks)
    file, synced, fsync = tmp_path / "copy.age", list[bool](), os.fsync
    monkeypatch.setattr(os, "fsync", lambda one: synced.append(stat.S_ISDIR(os.fstat(one).st_mode)) or fsync(one))
    write_new(file, b"first")
    assert file.read_bytes() == b"first" and stat.S_IMODE(file.stat().st_mode) == 0o600
    assert synced == [False, True]  # what it holds, then that it is there
    with pytest.raises(FileExistsError):
        write_new(file, b"second")
    assert file.read_bytes() == b"first" and list(tmp_path.iterdir()) == [file]


def test_a_share_that_syncs_no_folder_takes_a_file(tmp_path, monkeypatch):
    fsync = os.fsync

    def of_files_alone(one):
        if stat.S_ISDIR(os.fstat(one).st_mode):
            raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))
        fsync(one)

    monkeypatch.setattr(os, "fsync", of_files_alone)
    write_new(tmp_path / "copy.age", b"first")
    assert (tmp_path / "copy.age").read_bytes() == b"first"


def test_a_name_that_could_not_be_given_is_free_again(tmp_path, monkeypatch):
    _cannot(monkeypatch, LINK, RENAME)
    _cannot(monkeypatch, (os, "replace"), why=errno.EIO)
    with pytest.raises(OSError, match="Input/output"):
        write_new(tmp_path / "copy.age", b"first")
    assert list(tmp_path.iterdir()) == []


def test_a_place_that_lets_nobody_write_is_told_as_that(tmp_path, monkeypatch):
    _cannot(monkeypatch, LINK, why=errno.EACCES)
    with pytest.raises(PermissionError):
        write_new(tmp_path / "copy.age", b"first")
    assert list(tmp_path.iterdir()) == []
