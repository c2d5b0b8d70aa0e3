"""What may be wrong with the machine, the home and its settings: read, never mended, each with what to do."""

from __future__ import annotations

import os
import shutil
import stat
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path
from typing import Final, Literal
from urllib.parse import urlsplit

from psycopg.conninfo import conninfo_to_dict

from kehu.host.database import Database, address
from kehu.host.home import Home
from kehu.host.keyring import Keyring, RootDoesNotOpen
from kehu.host.paths import site_names
from kehu.host.postgres import PostgresError

Severity = Literal["error", "warning", "note"]
_FULL: Final = 200 * 2**20  # bytes free, below which PostgreSQL is about to stop
_NARROW: Final = 2 * 2**30
_WEAK: Final = frozenset({"", "postgres", "password", "kehu", "kehu_owner", "admin", "root", "123456"})
_LOCAL: Final = frozenset({"localhost", "127.0.0.1", "::1", "[::1]"})


class Said(str):
    """A text in English and what it was made of, so that a page says it in its reader's language.

    Attributes:
        pattern: the text with a ``{name}`` where each value stands.
        values: what stands there; a text among them is one to be said in that language, too.
    """

    pattern: str
    values: Mapping[str, object]

    def __new__(cls, pattern: str, **values: object) -> Said:
        """Put the values into the pattern."""
        made = super().__new__(cls, pattern.format_map(values))
        made.pattern, made.values = pattern, values
        return made

    def __getnewargs_ex__(self) -> tuple[tuple[str], Mapping[str, object]]:  # a copy is made as this was
        return (self.pattern,), self.values


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing found: ``error`` means a promise does not hold, ``warning`` that one soon may not, ``note`` a fact.

    Text and remedy stand where it is made, in English, or are a :class:`Said`: ``scripts/translate.py`` reads them there.
    """

    id: str
    severity: Severity
    text: str
    remedy: str


def worst_first(found: Iterable[Finding]) -> list[Finding]:
    """In the order in which they want to be looked at."""
    order = ("error", "warning", "note")
    return sorted(found, key=lambda one: order.index(one.severity))


def check_home(home: Home) -> Iterator[Finding]:
    """File modes, the keyring and the place of the root passphrase."""
    open_ones = sorted(str(path.relative_to(home.path.parent)) for path in _own_files(home) if _reachable(path))
    if open_ones:
        named = ", ".join(open_ones[:5])
        if len(open_ones) > 5:
            named = Said("{named} and {n} more", named=named, n=len(open_ones) - 5)
        text = Said("Other accounts may reach: {named}", named=named)
        yield Finding("home.modes", "error", text, f"chmod -R go= {home.path}")
    root = home / "keys" / "root"
    if not root.exists():
        yield Finding(
            "keys.root-missing",
            "error",
            "The root passphrase file is gone.",
            Said("Put its copy back: {file}", file=root),
        )
        return
    if root.is_symlink() and root.stat().st_mode & 0o077:
        yield Finding(
            "home.modes", "error", "Other accounts may read the root passphrase, where the home leads to.",
            f"chmod go= {root.resolve()}",
        )  # fmt: skip
    ring = Keyring(home)
    if not ring.is_here():
        yield Finding(
            "keys.ring-missing", "error", "The keyring is gone.",
            Said("Put its copy back: {file}", file=root.parent / "ring.json"),
        )  # fmt: skip
    try:
        for name in ring.names():
            ring.secret(name)
    except RootDoesNotOpen:
        yield Finding(
            "keys.root", "error", "The root passphrase does not open the keyring.", "Restore keys/ from a copy."
        )
    if not root.is_symlink():
        yield Finding(
            "keys.root-place", "note",
            "The root passphrase lies in the home: a copy of the whole home opens everything.",
            Said("Leave {file} out of copies of the home, and keep one copy of it elsewhere.", file=root),
        )  # fmt: skip


def _own_files(home: Home) -> Iterator[Path]:
    """The home, its folders and files; the database's folder by itself (PostgreSQL sees to its inside)."""
    yield home.path
    for entry in home.path.iterdir():
        yield entry
        if entry.is_dir() and entry.name != "pg":
            yield from (path for path in entry.rglob("*") if not path.is_socket())


def _reachable(path: Path) -> bool:
    try:
        found = path.lstat()
    except OSError:
        return False
    return not stat.S_ISLNK(found.st_mode) and bool(found.st_mode & 0o077)


def check_machine(home: Home, folders: list[str]) -> Iterator[Finding]:
    """Disk, swap and core files."""
    for folder in filter(os.path.isdir, [str(home.path), *folders]):
        free = shutil.disk_usage(folder).free
        if free < _NARROW:
            severity: Severity = "error" if free < _FULL else "warning"
            text = Said("{n} MB are free for {folder}.", n=free // 2**20, folder=folder)
            yield Finding(f"disk.{severity}", severity, text, "Make room.")
            break
    if sys.platform.startswith("linux"):
        yield from _check_swap()
        yield from _check_core()


def _check_swap() -> Iterator[Finding]:
    try:
        lines = Path("/proc/swaps").read_text().splitlines()[1:]
    except OSError:
        return
    plain = [
        line.split()[0] for line in lines if line and not line.startswith(("/dev/zram", "/dev/dm-", "/dev/mapper"))
    ]
    if plain:
        yield Finding(
            "swap.plain", "warning", Said("Memory may be written to a disk in clear: {named}", named=", ".join(plain)),
            "Encrypt the swap (dm-crypt with a random key) or switch it off: swapoff -a",
        )  # fmt: skip


def _check_core() -> Iterator[Finding]:
    try:
        pattern = Path("/proc/sys/kernel/core_pattern").read_text().strip()
    except OSError:
        return
    if pattern.startswith("|"):
        yield Finding(
            "core.piped", "note",
            "This machine hands crashed processes to a program. Ours forbid it; a psql session or tool of yours may not.",
            "sysctl kernel.core_pattern=core and ulimit -c 0",
        )  # fmt: skip


def check_settings(database: Database) -> Iterator[Finding]:
    """Names the site answers to, encryption in front of it, mail, and the address of an outside database."""
    hosts = site_names()
    if "*" in hosts:
        yield Finding("hosts.any", "error", "KEHU_HOSTS allows every name.", "Name the site's own names.")
    if [host for host in hosts if host not in _LOCAL] and os.environ.get("KEHU_HTTPS") != "1":
        yield Finding(
            "hosts.plain", "error", "The site has a public name, and its cookies may travel in clear.",
            "Put a TLS proxy in front and set KEHU_HTTPS=1 (and KEHU_BEHIND_PROXY=1).",
        )  # fmt: skip
    if os.environ.get("KEHU_HTTPS") == "1" and os.environ.get("KEHU_BEHIND_PROXY") != "1":
        yield Finding(
            "proxy.unbelieved", "error", "Every form is refused: no page learns that it came over TLS.",
            "Set KEHU_BEHIND_PROXY=1; see docs/how-to/behind-a-tls-proxy.md.",
        )  # fmt: skip
    mail = urlsplit(os.environ.get("KEHU_SMTP_URL", ""))
    if mail.scheme == "smtp" and mail.query != "tls" and not _here(mail.hostname):
        yield Finding("mail.plain", "error", "Mail leaves in clear.", "Use smtps:// or smtp://…?tls in KEHU_SMTP_URL.")
    url = os.environ.get("KEHU_DATABASE_URL", "")
    if url and database.embedded is None:
        yield from _check_database_url(url)


def _check_database_url(url: str) -> Iterator[Finding]:
    try:
        address(url)
    except PostgresError as wrong:
        yield Finding("database.url", "error", str(wrong), "See docs/how-to/outside-postgresql.md.")
        return
    said = conninfo_to_dict(url)
    host, user, password = (str(said.get(name) or "") for name in ("host", "user", "password"))
    mode = said.get("sslmode") or os.environ.get("PGSSLMODE", "prefer")
    if not _here(host) and mode not in ("require", "verify-ca", "verify-full"):
        yield Finding(
            "database.plain", "error", "The connection to the database may be in clear.",
            "Add sslmode=verify-full to KEHU_DATABASE_URL.",
        )  # fmt: skip
    if user and host and not host.startswith("/") and password in _WEAK | {user}:
        yield Finding("database.password", "error", "The database's password can be guessed.", "Choose a random one.")


def _here(host: str | None) -> bool:
    if not host or host in _LOCAL or host.startswith("/"):
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
