"""What this process holds of its installation: keys, tokens and the rules it decides under."""

from __future__ import annotations

import functools
import hashlib
import json
from dataclasses import dataclass

from kehu.govern.dictionary import Dictionary
from kehu.govern.purposes import Purpose, load_purposes
from kehu.guard.gate.acts import ACTS
from kehu.guard.gate.policies import PolicySet
from kehu.host.home import Home
from kehu.host.keyring import Keyring
from kehu.host.paths import policies_dir
from kehu.vault.keys import EpochKeys
from kehu.vault.tokens import Tokens


@dataclass(frozen=True, slots=True)
class RulesInForce:
    """The rules this process decides under; ``digest`` names them by content."""

    policies: PolicySet
    dictionary: Dictionary
    purposes: dict[str, Purpose]
    digest: bytes


@dataclass(frozen=True, slots=True)
class Installation:
    """Keys and rules of one home."""

    home: Home
    keyring: Keyring
    epochs: EpochKeys
    tokens: Tokens
    entry_key: bytes
    decision_key: bytes
    rules: RulesInForce


def load_rules() -> RulesInForce:
    """Read the shipped rules and digest them.

    Raises:
        ValueError: a policy does not fit its schema; nothing is in force then.
    """
    policies = PolicySet.load(policies_dir())
    dictionary, purposes = Dictionary.load(), load_purposes()
    acts = json.dumps({act: sorted(roles) for act, roles in ACTS.items()}, sort_keys=True)
    digest = hashlib.sha256(
        b"\x1e".join(
            (
                policies.digest.encode(),
                dictionary.digest.encode(),
                *(p.digest.encode() for p in purposes.values()),
                acts.encode(),
            )
        )
    ).digest()
    return RulesInForce(policies=policies, dictionary=dictionary, purposes=purposes, digest=digest)


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
        rules=load_rules(),
    )
