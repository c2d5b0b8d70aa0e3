"""Signed tree heads as C2SP ``tlog-checkpoint`` notes (signed-note, Ed25519)."""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat


class CheckpointInvalid(ValueError):
    """A note is malformed, for another log, or its signature is not ours."""


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """Origin, size and root of a log at one moment."""

    origin: str
    size: int
    root: bytes


class Signer:
    """The log's name and Ed25519 key."""

    def __init__(self, origin: str, seed: bytes) -> None:
        """``seed`` is the 32-byte private key; ``origin`` a name without spaces or plus signs."""
        self.origin = origin
        self._private = Ed25519PrivateKey.from_private_bytes(seed)

    @property
    def public(self) -> bytes:
        """The 32-byte public key."""
        return self._private.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)

    @property
    def verifier(self) -> str:
        """The note verifier key ``name+hash+base64(0x01 ‖ key)``."""
        encoded = base64.b64encode(b"\x01" + self.public).decode()
        return f"{self.origin}+{key_id(self.origin, self.public).hex()}+{encoded}"

    def sign(self, size: int, root: bytes) -> str:
        """The signed note of a tree head."""
        text = f"{self.origin}\n{size}\n{base64.b64encode(root).decode()}\n"
        signature = key_id(self.origin, self.public) + self._private.sign(text.encode())
        return f"{text}\n— {self.origin} {base64.b64encode(signature).decode()}\n"


def key_id(name: str, public: bytes) -> bytes:
    """First four bytes of SHA-256(name ‖ 0x0A ‖ 0x01 ‖ key) (C2SP signed-note)."""
    return hashlib.sha256(name.encode() + b"\n\x01" + public).digest()[:4]


def parse(note: str, *, origin: str, public: bytes) -> Checkpoint:
    """Read a note and check its signature.

    Raises:
        CheckpointInvalid: anything is wrong with it.
    """
    text, found, signatures = note.partition("\n\n")
    lines = text.split("\n")
    if not found or len(lines) < 3 or lines[0] != origin:
        raise CheckpointInvalid("not a checkpoint of this log")
    signed = (text + "\n").encode()
    for line in signatures.splitlines():
        mark, _, rest = line.partition(" ")
        name, _, encoded = rest.partition(" ")
        if mark != "—" or name != origin:
            continue
        try:
            blob = base64.b64decode(encoded, validate=True)
            if blob[:4] != key_id(origin, public):
                continue
            Ed25519PublicKey.from_public_bytes(public).verify(blob[4:], signed)
            return Checkpoint(origin, int(lines[1]), base64.b64decode(lines[2], validate=True))
        except (InvalidSignature, ValueError):
            continue
    raise CheckpointInvalid("no signature of this log's key")
