"""The home of an installation: one folder that holds all its state, 0700."""

from __future__ import annotations

import ctypes
import errno
import json
import os
import secrets
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

_OUT_OF_REACH: Final = frozenset(
    {errno.EACCES, errno.EPERM, errno.EEXIST, errno.ENOTDIR, errno.ENOENT, errno.EROFS, errno.ENAMETOOLONG, errno.ELOOP}
)
_FOLDERS: Final = ("keys", "log", "run", "spool")
_NOT_KNOWN: Final = frozenset({errno.EPERM, errno.ENOSYS, errno.EOPNOTSUPP, errno.ENOTSUP, errno.EINVAL})
"""What a file system says of what it does not know: hard links (FAT, exFAT, many a share), say."""
_AT_FDCWD: Final = -100
_RENAME_NOREPLACE: Final = 1
_RENAME_EXCL: Final = 4  # macOS


class HomeOutOfReach(RuntimeError):
    """The home cannot be made, read or written there: another account's, or no folder; its words are the place."""


class Home:
    """Paths and small files of one installation."""

    def __init__(self, path: Path) -> None:
        self.path = path.expanduser().absolute()

    @classmethod
    def current(cls) -> Home:
        """``KEHU_HOME``, else ``.kehu`` in a checkout, else the platform's data folder."""
        named = os.environ.get("KEHU_HOME")
        if named:
            return cls(Path(named))
        checkout = Path(__file__).resolve().parents[2]
        if (checkout / "pyproject.toml").exists():
            return cls(checkout / ".kehu")
        if sys.platform == "darwin":
            return cls(Path.home() / "Library" / "Application Support" / "kehu")
        return cls(Path(os.environ.get("XDG_DATA_HOME", Path.home() / ".local" / "share")) / "kehu")

    def __truediv__(self, name: str) -> Path:
        return self.path / name

    def create(self) -> bool:
        """Make the home and its folders, 0700; returns whether it was not there before.

        Raises:
            HomeOutOfReach: see there.
        """
        with self._reached():
            created = not self.path.exists()
            self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
            os.chmod(self.path, 0o700)
            for name in _FOLDERS:
                (self.path / name).mkdir(mode=0o700, exist_ok=True)
        return created

    def exists(self) -> bool:
        """Whether ``kehu init`` has been here.

        Raises:
            HomeOutOfReach: see there.
        """
        with self._reached():
            return (self.path / "installation.json").exists()

    @contextmanager
    def _reached(self) -> Iterator[None]:
        try:
            yield
        except OSError as failed:
            if failed.errno in _OUT_OF_REACH:
                raise HomeOutOfReach(str(self.path)) from None
            raise

    def facts(self) -> dict[str, Any]:
        """What is recorded of the installation; empty before ``init``."""
        try:
            found: dict[str, Any] = json.loads((self.path / "installation.json").read_text())
        except FileNotFoundError:
            return {}
        return found

    def record(self, **facts: Any) -> None:
        """Add facts to the installation's record."""
        write_file(self.path / "installation.json", json.dumps(self.facts() | facts, indent=1).encode())


class CannotWrite(OSError):
    """A new file cannot be made there: no such folder, or not one that we may write to."""


def require_new(path: Path) -> None:
    """See that a new file can be made there, before anything is done that happens once or is written down.

    Raises:
        FileExistsError: something is there already.
        CannotWrite: see there.
    """
    if os.path.lexists(path):
        raise FileExistsError(path.name)
    if not os.access(path.parent, os.W_OK | os.X_OK):
        raise CannotWrite(path.name)


def write_new(path: Path, content: bytes) -> None:
    """Write a new file whole or not at all, 0600, on disk when this returns; never over one that came meanwhile.

    Raises:
        FileExistsError: it is there by now.
        OSError: the disk is full, or worse.
    """
    fresh = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as out:
            out.write(content)
            out.flush()
            os.fsync(out.fileno())
        give_name(fresh, path)
    finally:
        fresh.unlink(missing_ok=True)


def give_name(fresh: Path, path: Path) -> None:
    """Give a file that is whole and on disk its name in the same folder, on disk when this returns; never over another.

    ``fresh`` may be left for the caller to take away. Where the file system can neither link nor rename without replacing
    the name is taken first: a crash just then leaves an empty file.

    Raises:
        FileExistsError: something of that name is there by now.
    """
    for named in (os.link, _rename_to_new):
        try:
            named(fresh, path)
        except OSError as failed:
            if failed.errno not in _NOT_KNOWN:
                raise
        else:
            break
    else:
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
        try:
            os.replace(fresh, path)
        except OSError:
            path.unlink()
            raise
    _sync_folder(path.parent)


def _rename_to_new(fresh: Path, path: Path) -> None:
    """A rename that replaces nothing, which Python has no word for."""
    system, old, new = ctypes.CDLL(None, use_errno=True), os.fsencode(fresh), os.fsencode(path)
    try:
        if sys.platform == "darwin":
            failed = system.renamex_np(old, new, _RENAME_EXCL)
        else:
            failed = system.renameat2(_AT_FDCWD, old, _AT_FDCWD, new, _RENAME_NOREPLACE)
    except AttributeError:
        raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS)) from None
    if failed:
        raise OSError(number := ctypes.get_errno(), os.strerror(number), str(fresh), None, str(path))


def write_whole(descriptor: int, content: bytes) -> None:
    """Write all of it: a disk that is nearly full takes a part, and says no only to the rest."""
    while content:
        content = content[os.write(descriptor, content) :]


def write_file(path: Path, content: bytes) -> None:
    """Write a small file whole or not at all, 0600, on disk when this returns."""
    fresh = path.with_name(f".{path.name}.{os.getpid()}.{threading.get_native_id()}")
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        try:
            write_whole(descriptor, content)
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        replace_file(fresh, path)
    except OSError:
        fresh.unlink(missing_ok=True)
        raise


def replace_file(fresh: Path, path: Path) -> None:
    """Put a file that is whole and on disk in place of another in the same folder, on disk when this returns."""
    os.replace(fresh, path)
    _sync_folder(path.parent)


def _sync_folder(folder: Path) -> None:
    """See that the names in a folder are on disk, where it may be read and its file system knows such a thing."""
    try:
        descriptor = os.open(folder, os.O_RDONLY)
    except PermissionError:  # it takes files and shows none
        return
    try:
        os.fsync(descriptor)
    except OSError as failed:
        if failed.errno not in _NOT_KNOWN:
            raise
    finally:
        os.close(descriptor)
