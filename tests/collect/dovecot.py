"""A real IMAP server for tests: Debian's dovecot as an ordinary user, on loopback, with a home of its own."""

from __future__ import annotations

import imaplib
import os
import pwd
import shutil
import socket
import ssl
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from scripts.mailserver import find_dovecot

ACCOUNT, PASSWORD = "service@kehu.example", "password-of-the-testzq"
_CONFIG = """
base_dir = {home}/run
state_dir = {home}/state
log_path = {home}/log
protocols = imap
listen = 127.0.0.1
default_internal_user = {user}
default_login_user = {user}
default_internal_group = {group}
disable_plaintext_auth = no
auth_username_chars =
first_valid_uid = 1
auth_failure_delay = 0
mail_location = maildir:{home}/mail
passdb {{
  driver = static
  args = password={{PLAIN}}{password}
}}
userdb {{
  driver = static
  args = uid={user} gid={group} home={home}
}}
service anvil {{
  chroot =
}}
service imap-login {{
  chroot =
  inet_listener imap {{
    port = {port}
  }}
  inet_listener imaps {{
    port = 0
  }}
}}
{tls}
"""


@dataclass
class Server:
    """A running server and the mail in it."""

    port: int
    home: Path
    certificate: Path

    def client(self) -> imaplib.IMAP4:
        """Signed in, the folder open to be written."""
        held = imaplib.IMAP4("127.0.0.1", self.port)
        held.login(ACCOUNT, PASSWORD)
        held.select("INBOX")
        return held

    def put(self, *letters: bytes) -> None:
        """Deliver letters."""
        with self.client() as held:
            for letter in letters:
                answer, _ = held.append("INBOX", "", imaplib.Time2Internaldate(time.time()), letter)
                assert answer == "OK"

    def drop(self, many: int, letter: bytes) -> None:
        """Deliver as many letters past the server, as another program of the machine does."""
        for number in range(many):
            path = self.home / "mail" / "new" / f"{time.time_ns()}.{number}.here"
            path.write_bytes(letter.replace(b"<id", b"<%d." % number))
            os.chown(path, self.home.stat().st_uid, self.home.stat().st_gid)

    def empty(self) -> None:
        """Take every letter out."""
        with self.client() as held:
            if held.search(None, "ALL")[1][0]:
                held.store("1:*", "+FLAGS", r"\Deleted")
                held.expunge()

    def flags(self) -> list[bytes]:
        """Of every letter: number and flags."""
        with self.client() as held:
            return [bytes(line) for line in held.uid("FETCH", "1:*", "(FLAGS)")[1] if line]

    def rebuild(self) -> None:
        """As after a restore: the same letters under other numbers."""
        with self.client() as held:
            made = int(held.response("UIDVALIDITY")[1][0])
        while time.time() < made + 1:  # numbered anew by the second, and within one second it would be the same
            time.sleep(0.05)
        for name in ("dovecot-uidlist", "dovecot-uidvalidity"):
            for path in (self.home / "mail").glob(name + "*"):
                path.unlink()
        for path in (self.home / "mail").glob("dovecot.index*"):
            path.unlink()


@contextmanager
def running(*, tls: bool = False, password: str = PASSWORD, zone: str = "UTC") -> Iterator[Server]:
    """Start one, in a zone of time as POSIX writes it; ends with the block."""
    user = pwd.getpwnam("nobody") if os.geteuid() == 0 else pwd.getpwuid(os.geteuid())
    home = Path(tempfile.mkdtemp(prefix="kehu-imap-"))
    try:
        for name in ("run", "state", "mail"):
            (home / name).mkdir()
        certificate = _certificate(home)
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        how = f"ssl = yes\nssl_cert = <{certificate}\nssl_key = <{home}/key.pem" if tls else "ssl = no"
        group = _group(user.pw_gid)
        (home / "dovecot.conf").write_text(
            _CONFIG.format(home=home, user=user.pw_name, group=group, port=port, password=password, tls=how)
        )
        for path in (home, *home.rglob("*")):
            os.chown(path, user.pw_uid, user.pw_gid)
        program = find_dovecot()
        assert program
        options = {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []} if os.geteuid() == 0 else {}
        with subprocess.Popen(
            [program, "-F", "-c", str(home / "dovecot.conf")],
            stderr=subprocess.DEVNULL,
            env=os.environ | {"TZ": zone},
            **options,
        ) as process:
            try:
                _await(port, process, home)
                yield Server(port, home, certificate)
            finally:
                process.terminate()
                try:
                    process.wait(1)
                except subprocess.TimeoutExpired:
                    process.kill()
    finally:
        shutil.rmtree(home, ignore_errors=True)


def _group(number: int) -> str:
    import grp

    return grp.getgrgid(number).gr_name


def _await(port: int, process: subprocess.Popen[bytes], home: Path) -> None:
    end = time.monotonic() + 30
    while time.monotonic() < end and process.poll() is None:
        try:
            with imaplib.IMAP4("127.0.0.1", port):
                return
        except (OSError, imaplib.IMAP4.error, ssl.SSLError):
            time.sleep(0.05)
    log = (home / "log").read_text() if (home / "log").exists() else ""
    raise AssertionError(f"dovecot does not start: {log[-500:]}")


def _certificate(home: Path) -> Path:
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import NameOID

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
        .serial_number(x509.random_serial_number()).not_valid_before(now - timedelta(days=1)).not_valid_after(now + timedelta(days=2))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )  # fmt: skip
    (home / "key.pem").write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    (home / "cert.pem").write_bytes(made.public_bytes(serialization.Encoding.PEM))
    return home / "cert.pem"
