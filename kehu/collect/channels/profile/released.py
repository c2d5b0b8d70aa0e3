"""Releasing a profile: what is offered, the way to the provider, and what of the answer is kept.

Of everything that a provider says, only the claims that the channel's settings name leave this module, sealed, into the inbox.
An address or a number that the provider has not verified is not taken: it may be somebody else's.
"""

from __future__ import annotations

import hashlib
import hmac
import threading
import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import orjson

from kehu.collect.channels.profile.settings import CONTACTS, is_network, scope_of
from kehu.collect.inbox.accept import KeyUnknown, Sender, accept
from kehu.collect.inbox.terms import terms_of
from kehu.collect.signed.parts import at_path, id_of, text
from kehu.collect.signed.secrets import Signer, signer_of
from kehu.govern.models import Channel, Controller, Notice
from kehu.host.asking import NotBelieved
from kehu.host.home import Home
from kehu.host.keyring import Keyring
from kehu.host.oauth import Addresses, Network
from kehu.host.openid import Provider

KIND: Final = "profile"
LASTS: Final = timedelta(minutes=10)
"""From the press of the button to the way back."""
_KEY: Final = "released-profiles"
_VERIFIED: Final = {"email": "email_verified", "phone_number": "phone_number_verified"}
_LONGEST: Final = 200


class NotOffered(LookupError):
    """No channel of this id takes profiles (yet)."""


@dataclass(frozen=True, slots=True)
class Offer:
    """What a channel takes from which account, for whom, and what else somebody may allow.

    Attributes:
        channel: its id.
        label: what the account is called.
        fields: our fields, in the order of the settings.
        purposes: slugs of what may be allowed beside.
        controller: who answers for it.
        notice: the notice it is taken under; None: none is in force.
    """

    channel: int
    label: str
    fields: tuple[str, ...]
    purposes: tuple[str, ...]
    controller: str
    notice: Notice | None


@dataclass(frozen=True, slots=True)
class Way:
    """A way to the provider that is under way: ids alone, so a session may hold it. Walked once, by the browser that began it."""

    id: str
    channel: int
    purposes: tuple[str, ...]
    began: str

    def pack(self) -> dict[str, Any]:
        """As a session holds it."""
        return {"id": self.id, "channel": self.channel, "purposes": list(self.purposes), "began": self.began}

    @classmethod
    def unpack(cls, held: Any) -> Way:
        """From :meth:`pack`.

        Raises:
            NotBelieved: no way was begun here.
        """
        if not isinstance(held, dict):
            raise NotBelieved("no way")
        return cls(held["id"], held["channel"], tuple(held["purposes"]), held["began"])


@dataclass(frozen=True, slots=True)
class _Held:
    channel: Channel
    signer: Signer = field(repr=False)


def offered(channel: int) -> Offer:
    """What a channel offers to take.

    Raises:
        NotOffered: there is none of that id, or it is not set up.
    """
    held = _held(channel)
    terms = terms_of(held.channel)
    settings = held.signer.settings
    controller = Controller.objects.filter(id=terms.controller).first()
    return Offer(
        channel=channel, label=settings["label"], fields=tuple(dict.fromkeys(settings["row"][0]["fields"].values())),
        purposes=tuple(sorted(set(terms.consents.values()))), controller=controller.name if controller else "",
        notice=Notice.objects.filter(id=terms.notice).first(),
    )  # fmt: skip


def begin(offer: Offer, purposes: Iterable[str], *, returns_to: str) -> tuple[Way, str, str]:
    """A way to the provider: what the session holds of it, where the browser goes, and the origin of that.

    Raises:
        NotOffered: the channel is gone.
        ProviderFailed: the provider cannot be reached.
    """
    chosen = tuple(sorted(set(purposes) & set(offer.purposes)))
    way = Way(str(uuid.uuid4()), offer.channel, chosen, datetime.now(UTC).isoformat())
    provider = _provider(_held(offer.channel))
    address = provider.address(
        state=_secret(way, "state"), nonce=_secret(way, "nonce"), verifier=_secret(way, "verifier"), returns_to=returns_to,
        again=False,
    )  # fmt: skip
    return way, address, provider.origin()


def origin_of(offer: Offer) -> str:
    """Where the offer's button leads.

    Raises:
        ProviderFailed: the provider cannot be reached.
    """
    return _provider(_held(offer.channel)).origin()


def come_back(way: Way, answer: Mapping[str, str], *, returns_to: str) -> Offer:
    """Keep what was released; it is durable when this returns. Nothing is kept where the person, or the provider, says no.

    Raises:
        NotBelieved: the answer is not good, too late, or a no.
        ProviderFailed: the provider does not answer.
        InboxFull: too much waits already.
        NotOffered: the channel is gone.
    """
    held = _held(way.channel)
    provider = _provider(held)
    if datetime.now(UTC) - datetime.fromisoformat(way.began) > LASTS:
        raise NotBelieved("too late")
    if not hmac.compare_digest(answer.get("state", "").encode(), _secret(way, "state").encode()):
        raise NotBelieved("state")
    provider.check_origin(answer.get("iss"))
    if "error" in answer or not answer.get("code"):
        raise NotBelieved("refused by the provider")
    told = provider.exchange(
        answer["code"], nonce=_secret(way, "nonce"), verifier=_secret(way, "verifier"), returns_to=returns_to
    )
    values = _taken(provider.released(told), held.signer.settings)
    message = {
        "own": way.id, "who": _name_of(provider.issuer, told.subject), "values": values,
        "purposes": list(way.purposes), "at": datetime.now(UTC).isoformat(),
    }  # fmt: skip
    try:
        accept(Sender(held.channel.id, KIND, held.signer.digest), [way.id], {"m": [message]})
    except KeyUnknown:  # its secret was changed on the way
        raise NotOffered(str(way.channel)) from None
    return offered(way.channel)


def _taken(claims: Mapping[str, Any], settings: Mapping[str, Any]) -> dict[str, str]:
    """Our fields out of the claims that the settings name, and nothing else; no address or number that nobody verified."""
    found: dict[str, str] = {}
    for path, name in settings["row"][0]["fields"].items():
        proof = _VERIFIED.get(path)
        vouched = path in settings.get("verified", ()) or (proof is not None and claims.get(proof) is True)
        if (proof is not None or name in CONTACTS) and not vouched:
            continue
        if name not in found and (value := text(at_path(claims, path))) is not None:
            found[name] = value
    return found


def _name_of(issuer: str, subject: str) -> str:
    """Who it is: a subject is one person's at one issuer, no longer than an id of ours."""
    name = f"{issuer.removeprefix('https://').rstrip('/')}#{subject}"
    return name if len(name) <= _LONGEST else hashlib.sha256(name.encode()).hexdigest()


def _held(channel: int) -> _Held:
    found = Channel.objects.filter(id=channel, kind=KIND).first()
    signer = signer_of(KIND, str(channel)) if found is not None else None
    if found is None or signer is None or signer.channel != channel or "client" not in signer.settings:
        raise NotOffered(str(channel))
    return _Held(found, signer)


_providers: dict[bytes, Provider | Network] = {}
_holding: Final = threading.Lock()
_MOST: Final = 50


def _provider(held: _Held) -> Provider | Network:
    """The provider of a channel, as it is set up now; its metadata and keys are held with it."""
    settings, scope = held.signer.settings, scope_of(held.signer.settings)
    wanted = tuple(dict.fromkeys(name for path in settings["row"][0]["fields"] for name in _with_proof(path)))
    told = orjson.dumps([settings, scope, wanted], option=orjson.OPT_SORT_KEYS)
    named = hashlib.sha256(told).digest() + held.signer.digest
    with _holding:
        if named not in _providers:
            if len(_providers) >= _MOST:
                _providers.clear()
            secret = held.signer.secret.decode()
            if is_network(settings):
                _providers[named] = _network(settings, secret)
            else:
                _providers[named] = Provider(
                    settings["issuer"], settings["client"], secret, frozenset(), scope=scope, wanted=wanted
                )
        return _providers[named]


def _network(settings: Mapping[str, Any], secret: str) -> Network:
    subject = settings["subject"]
    return Network(
        Addresses(settings["authorize"], settings["token"], settings["profile"]),
        settings["client"],
        secret,
        scope=scope_of(settings),
        subject=lambda profile: id_of(at_path(profile, subject)),
        by_body=settings.get("secret_in") == "body",
    )


def _with_proof(path: str) -> list[str]:
    claim = path.partition(".")[0]
    return [claim, _VERIFIED[claim]] if claim in _VERIFIED else [claim]


def _secret(way: Way, what: str) -> str:
    """State, nonce and verifier of a way: known to nobody who has not our key, and nowhere kept."""
    key = Keyring(Home.current()).secret(_KEY, create=True)
    return hmac.digest(key, f"{what}:{way.id}:{way.channel}".encode(), hashlib.sha256).hex()
