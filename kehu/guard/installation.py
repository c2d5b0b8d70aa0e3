"""What this process holds of its installation: keys, tokens and the rules it decides under."""

from __future__ import annotations

import functools
import hashlib
import json
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from django.db import DatabaseError

from kehu.govern import purposes as shipped
from kehu.govern.dictionary import Dictionary
from kehu.govern.models import Rules
from kehu.govern.notices import told
from kehu.govern.purposes import Purpose, load_purposes
from kehu.govern.raised import Levels, raised
from kehu.govern.register import purposes_in_force
from kehu.govern.topics import topics_digest
from kehu.guard.gate.acts import ACTS
from kehu.guard.gate.policies import PolicySet
from kehu.host.home import Home
from kehu.host.keyring import Keyring
from kehu.host.paths import policies_dir
from kehu.vault.keys import EpochKeys
from kehu.vault.tokens import Tokens

_LOOK_EVERY: Final = 1.0  # seconds


@dataclass(frozen=True, slots=True)
class RulesInForce:
    """The rules this process decides under; ``digest`` names them by content."""

    policies: PolicySet
    dictionary: Dictionary
    purposes: dict[str, Purpose]
    digest: bytes
    told: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """Fields that the notices in force tell of, by purpose."""


class HeldRules:
    """The rules as this process last read them; read when first asked for, and again when others are in force."""

    def __init__(self) -> None:
        self._held: RulesInForce | None = None
        self._lock = threading.Lock()
        self._looked_at = 0.0

    def now(self) -> RulesInForce:
        """What this process decides under.

        Before there is a database, or a register in it, that is what ships; no read opens anything under it, for each
        compares its digest with the one in force.
        """
        held = self._held
        if held is not None:
            return held
        with self._lock:
            if self._held is None:
                try:
                    self._held = rules_in_force()
                except DatabaseError:
                    return _shipped_rules()
            return self._held

    def follow(self) -> None:
        """Read the rules again where others are in force; looks at most once a second.

        For what shows the rules without asking the gate: a read compares for itself, each time.

        Raises:
            DatabaseError: the register cannot be read.
        """
        if time.monotonic() - self._looked_at < _LOOK_EVERY:
            return
        self._looked_at = time.monotonic()
        digest = Rules.objects.order_by("-version").values_list("digest", flat=True).first()
        if digest is not None and bytes(digest) != self.now().digest:
            self.read_again()

    def read_again(self) -> RulesInForce:
        """Read policies, dictionary and register anew."""
        found = rules_in_force()
        with self._lock:
            self._held = found
        return found


@dataclass(frozen=True, slots=True)
class Installation:
    """Keys and rules of one home."""

    home: Home
    keyring: Keyring
    epochs: EpochKeys
    tokens: Tokens
    entry_key: bytes
    decision_key: bytes
    held_rules: HeldRules

    @property
    def rules(self) -> RulesInForce:
        """The rules as last read: :meth:`HeldRules.now`."""
        return self.held_rules.now()


def rules_in_force() -> RulesInForce:
    """The policies of this program under the purposes and notices of the register, and the levels of this house.

    Raises:
        ValueError: a policy does not fit its schema; nothing is in force then.
        DatabaseError: the register cannot be read.
    """
    return load_rules(purposes_in_force(), told(), raised())


@functools.cache
def _shipped_rules() -> RulesInForce:
    return load_rules()


def load_rules(
    purposes: dict[str, Purpose] | None = None,
    told_of: Mapping[str, frozenset[str]] | None = None,
    levels: Levels | None = None,
) -> RulesInForce:
    """Read the policies and digest them with the purposes given, or those that ship, all told of.

    Raises:
        ValueError: a policy does not fit its schema; nothing is in force then.
    """
    policies = PolicySet.load(policies_dir())
    dictionary, purposes = Dictionary.load().raised(levels or {}), purposes or load_purposes()
    known = {slug: purpose.least for slug, purpose in purposes.items()} if told_of is None else told_of
    acts = json.dumps({act: sorted(roles) for act, roles in ACTS.items()}, sort_keys=True)
    digest = hashlib.sha256(
        b"\x1e".join(
            (
                policies.digest.encode(),
                dictionary.digest.encode(),
                *(p.digest.encode() for p in purposes.values()),
                acts.encode(),
                topics_digest().encode(),
                json.dumps({slug: sorted(fields) for slug, fields in sorted(known.items())}).encode(),
            )
        )
    ).digest()
    return RulesInForce(policies=policies, dictionary=dictionary, purposes=purposes, digest=digest, told=known)


def claims_of(role: str) -> frozenset[str]:
    """Purposes that a role may claim, as in force."""
    return shipped.claims_of(role, installation().rules.purposes.values())


@functools.lru_cache(maxsize=1)
def installation() -> Installation:
    """The current installation, opened once per process.

    Raises:
        KeyError: the keyring lacks a key: run ``kehu init``.
    """
    home = Home.current()
    keyring = Keyring(home)
    return Installation(
        home=home,
        keyring=keyring,
        epochs=EpochKeys(keyring),
        tokens=Tokens(keyring.secret("index")),
        entry_key=keyring.secret("ledger-mac"),
        decision_key=keyring.secret("decision-mac"),
        held_rules=HeldRules(),
    )
