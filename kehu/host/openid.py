"""An OpenID provider, as this house relies on it (OpenID Connect Core 1.0, authorization code flow with PKCE).

What it says is believed only where it is signed by a key that it publishes, is meant for us, answers what we asked a moment
ago and comes from where we asked. Nothing of it is kept or logged: what is wrong has a short name of our own.
"""

from __future__ import annotations

import hmac
import json
import threading
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import urlsplit

import requests
from authlib.common.errors import AuthlibBaseError
from authlib.integrations.requests_client import OAuth2Session
from authlib.oidc.core import CodeIDToken
from joserfc import jws, jwt
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, KeySet, OKPKey, RSAKey

from kehu.host.asking import TIMEOUT, NotBelieved, ProviderFailed, ask_json, by_itself, may_ask

ALGORITHMS: Final = (
    "RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "Ed25519",
)  # fmt: skip
LEEWAY: Final = 60  # seconds that two clocks may differ
LOGOUT: Final = "http://schemas.openid.net/event/backchannel-logout"
_HELD_FOR: Final = 3600  # seconds that metadata and keys are held
_AGAIN_AFTER: Final = 60  # seconds until a stranger's token may have the keys looked up anew
_RESTS_FOR: Final = 10  # seconds that nobody asks a provider whose metadata could not be read
_SMALLEST_RSA: Final = 2048  # bits
_ACR: Final = "acr="  # such a value of KEHU_OIDC_SECOND_FACTOR names a class (acr), not a method (amr)
_ASKED: Final = (
    '{"id_token":{"amr":null,"acr":null,"auth_time":null}}'  # some tell of how one signed in only when asked
)
_ENDPOINTS: Final = ("authorization_endpoint", "token_endpoint", "jwks_uri")
SIGN_IN: Final = "openid email"  # of whom somebody signs in as: who, and at which address


@dataclass(frozen=True, slots=True)
class Told:
    """What the provider vouches for of one sign-in; :meth:`Provider.verified_email` has the address.

    ``at``: when the person signed in there, if it says so. ``second_factor``: by methods that count here as one.
    """

    subject: str = field(repr=False)
    claims: dict[str, Any] = field(repr=False)
    access: str = field(repr=False)
    at: datetime | None
    second_factor: bool
    session: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class LoggedOut:
    """Who is to be signed out: a session of the provider, or every one of a subject."""

    subject: str = field(repr=False)
    session: str = field(repr=False)


class Provider:
    """One provider by its issuer; holds its metadata and keys for an hour."""

    def __init__(
        self, issuer: str, client: str, secret: str, second_factor: frozenset[str], *, scope: str = SIGN_IN,
        wanted: tuple[str, ...] = (),
    ) -> None:  # fmt: skip
        """``wanted``: claims that are asked for by name, where the provider lets one ask so; else ``scope`` brings them."""
        self.issuer = issuer
        self._scope = scope
        self._wanted = wanted
        self._client = client
        self._secret = secret
        self._methods = frozenset(one for one in second_factor if not one.startswith(_ACR))
        self._classes = tuple(sorted(one.removeprefix(_ACR) for one in second_factor if one.startswith(_ACR)))
        self._lock = threading.Lock()
        self._metadata: tuple[float, dict[str, Any]] | None = None
        self._keys: tuple[float, KeySet] | None = None
        self._failed = float("-inf")

    @property
    def gives_second_factor(self) -> bool:
        """Whether a second factor shown there can count here."""
        return bool(self._methods or self._classes)

    def address(self, *, state: str, nonce: str, verifier: str, returns_to: str, again: bool) -> str:
        """Where to send a browser; ``again``: the person signs in anew there, whatever session they have.

        Raises:
            ProviderFailed: its metadata cannot be read.
        """
        more = {"prompt": "login", "max_age": "0"} if again else {}
        if self._classes:
            more["acr_values"] = " ".join(self._classes)
        if self._by_name():
            more["claims"] = json.dumps({"userinfo": dict.fromkeys(self._wanted)}) if self._wanted else _ASKED
        with self._session(returns_to) as session:
            url, _ = session.create_authorization_url(
                self._described()["authorization_endpoint"], state=state, nonce=nonce, code_verifier=verifier, **more
            )
        return str(url)

    def _by_name(self) -> bool:
        return self._described().get("claims_parameter_supported") is True

    def origin(self) -> str:
        """Where a browser is sent: scheme, host and port.

        Raises:
            ProviderFailed: its metadata cannot be read.
        """
        parts = urlsplit(self._described()["authorization_endpoint"])
        return f"{parts.scheme}://{parts.netloc}"

    def check_origin(self, issuer: str | None) -> None:
        """The answer says that it comes from where we asked (RFC 9207), where the provider says who it is.

        Raises:
            NotBelieved: from elsewhere, or silent although the provider always says it.
        """
        always = self._described().get("authorization_response_iss_parameter_supported") is True
        if issuer is None and not always:
            return
        if issuer is None or not hmac.compare_digest(issuer.encode(), self.issuer.encode()):
            raise NotBelieved("issuer of the response")

    def exchange(self, code: str, *, nonce: str, verifier: str, returns_to: str) -> Told:
        """Have the code changed for an identity, and check that.

        Raises:
            NotBelieved: code or identity are not good.
            ProviderFailed: it does not answer.
        """
        token_endpoint = self._described()["token_endpoint"]
        try:
            with self._session(returns_to) as session:
                given = session.fetch_token(
                    token_endpoint, grant_type="authorization_code", code=code, code_verifier=verifier,
                    redirect_uri=returns_to, timeout=TIMEOUT, allow_redirects=False,
                )  # fmt: skip
        except AuthlibBaseError:
            raise NotBelieved("code") from None
        except (requests.RequestException, ValueError):
            raise ProviderFailed("token endpoint") from None
        token, access = given.get("id_token"), given.get("access_token")
        if not isinstance(token, str) or not isinstance(access, str):
            raise NotBelieved("answer without identity")
        claims = self._identity(token, nonce=nonce, access=access)
        return Told(
            claims["sub"], claims, access, _moment(claims.get("auth_time")), self._counts(claims),
            claims["sid"] if isinstance(claims.get("sid"), str) else "",
        )  # fmt: skip

    def verified_email(self, told: Told) -> str:
        """The verified address, of the identity or, where that is silent, of the provider's userinfo; else empty.

        Raises:
            NotBelieved: the userinfo is somebody else's.
            ProviderFailed: it does not answer.
        """
        said, endpoint = told.claims, self._described().get("userinfo_endpoint")
        if "email" not in said and isinstance(endpoint, str):
            said = self._get(endpoint, bearer=told.access)
            if said.get("sub") != told.subject:
                raise NotBelieved("userinfo of somebody else")
        email = said.get("email")
        return email.strip().lower() if said.get("email_verified") is True and isinstance(email, str) else ""

    def released(self, told: Told) -> dict[str, Any]:
        """Everything the person released: the claims of the identity, and of the provider's userinfo where it has one.

        Raises:
            NotBelieved: the userinfo is somebody else's.
            ProviderFailed: it does not answer.
        """
        endpoint = self._described().get("userinfo_endpoint")
        if not isinstance(endpoint, str):
            return dict(told.claims)
        said = self._get(endpoint, bearer=told.access)
        if said.get("sub") != told.subject:
            raise NotBelieved("userinfo of somebody else")
        return {**told.claims, **said}

    def logged_out(self, token: str) -> LoggedOut:
        """Read a logout token (OpenID Connect Back-Channel Logout 1.0).

        Raises:
            NotBelieved: not signed by the provider, not for us, over, or no logout.
            ProviderFailed: its keys cannot be read.
        """
        claims = self._claims(token, asked=False)
        events = claims.get("events")
        try:
            CodeIDToken({"sub": "", **claims}, {}, self._options(), {"client_id": self._client}).validate(leeway=LEEWAY)
        except (AuthlibBaseError, JoseError, ValueError, TypeError):
            raise NotBelieved("claims") from None
        if "nonce" in claims or not isinstance(events, dict) or not isinstance(events.get(LOGOUT), dict):
            raise NotBelieved("no logout")
        subject, session = claims.get("sub") or "", claims.get("sid") or ""
        if not isinstance(subject, str) or not isinstance(session, str) or not (subject or session):
            raise NotBelieved("nobody")
        return LoggedOut(subject, session)

    def look(self) -> None:
        """Read metadata and keys anew.

        Raises:
            ProviderFailed: one of them cannot be read.
        """
        self._metadata = self._keys = None
        self._failed = float("-inf")
        self._described()
        self._published(fresh=True)

    def _identity(self, token: str, *, nonce: str, access: str) -> dict[str, Any]:
        claims = self._claims(token, asked=True)
        header = jws.extract_compact(token.encode()).headers()
        asked = {"client_id": self._client, "nonce": nonce, "access_token": access}
        try:
            CodeIDToken(claims, header, self._options(), asked).validate(leeway=LEEWAY)
        except (AuthlibBaseError, JoseError, ValueError, TypeError):
            raise NotBelieved("claims") from None
        subject = claims["sub"]
        if not isinstance(subject, str) or not 0 < len(subject) <= 255:
            raise NotBelieved("subject")
        return claims

    def _options(self) -> dict[str, Any]:
        return {
            "iss": {"essential": True, "value": self.issuer},
            "aud": {"essential": True, "value": self._client},
            "exp": {"essential": True},
            "iat": {"essential": True},
        }

    def _claims(self, token: str, *, asked: bool) -> dict[str, Any]:
        """The claims of a token, once its signature is good. ``asked``: we asked for it; else anybody may have sent it."""
        try:
            header = jws.extract_compact(token.encode()).headers()
        except (JoseError, ValueError, TypeError):
            raise NotBelieved("form") from None
        if header.get("alg") not in ALGORITHMS:
            raise NotBelieved("algorithm")
        key = _fitting(self._published(), header) or _fitting(self._published(fresh=True, asked=asked), header)
        if key is None:
            raise NotBelieved("key")
        try:
            return dict(jwt.decode(token, key, algorithms=list(ALGORITHMS)).claims)
        except (JoseError, ValueError, TypeError):
            raise NotBelieved("signature") from None

    def _counts(self, claims: dict[str, Any]) -> bool:
        methods = claims.get("amr")
        by_method = isinstance(methods, list) and any(isinstance(one, str) and one in self._methods for one in methods)
        return by_method or claims.get("acr") in self._classes

    def _described(self) -> dict[str, Any]:
        """The provider's metadata (OpenID Connect Discovery 1.0)."""
        with self._lock:
            held, now = self._metadata, time.monotonic()
            if held is not None and held[0] > now - _HELD_FOR:
                return held[1]
            if self._failed > now - _RESTS_FOR:  # who waited for the same answer does not wait again
                raise ProviderFailed("unreachable")
            self._failed = now
            found = self._get(self.issuer.rstrip("/") + "/.well-known/openid-configuration")
            if found.get("issuer") != self.issuer:
                raise NotBelieved("issuer of the metadata")
            for name in _ENDPOINTS:
                if not may_ask(found.get(name), near=self.issuer):
                    raise ProviderFailed(name)
            self._metadata, self._failed = (time.monotonic(), found), float("-inf")
            return found

    def _published(self, *, fresh: bool = False, asked: bool = True) -> KeySet:
        """The provider's keys; a key that is not among those held has them looked up anew, for strangers not often."""
        address = self._described()["jwks_uri"]
        with self._lock:
            held, now = self._keys, time.monotonic()
            too_soon = held is not None and not asked and held[0] > now - _AGAIN_AFTER
            if held is not None and held[0] > now - _HELD_FOR and (not fresh or too_soon):
                return held[1]
            keys = self._get(address).get("keys")
            read = [_key(one) for one in keys] if isinstance(keys, list) else []
            found = KeySet([one for one in read if one is not None])
            self._keys = (now, found)
            return found

    def _get(self, address: str, *, bearer: str = "") -> dict[str, Any]:
        return ask_json(address, near=self.issuer, bearer=bearer)

    def _session(self, returns_to: str) -> OAuth2Session:
        methods = self._described().get("token_endpoint_auth_methods_supported") or ["client_secret_basic"]
        by_body = "client_secret_basic" not in methods and "client_secret_post" in methods
        way = ("client_secret_post" if by_body else "client_secret_basic") if self._secret else "none"
        session = OAuth2Session(
            self._client, self._secret or None, token_endpoint_auth_method=way, scope=self._scope_asked(),
            redirect_uri=returns_to, code_challenge_method="S256",
        )  # fmt: skip
        by_itself(session, near=self.issuer)
        return session

    def _scope_asked(self) -> str:
        return "openid" if self._wanted and self._by_name() else self._scope


def _fitting(keys: KeySet, header: dict[str, Any]) -> Any:
    """The key of a token by its id; without one, the only key of that kind."""
    kind = {"R": "RSA", "P": "RSA", "E": "OKP" if header["alg"] == "Ed25519" else "EC"}[header["alg"][0]]
    fit = [one for one in keys.keys if one.key_type == kind]
    if (named := header.get("kid")) is not None:
        return next((one for one in fit if one.kid == named), None)
    return fit[0] if len(fit) == 1 else None


def _key(found: Any) -> RSAKey | ECKey | OKPKey | None:
    """A published key for signatures that we can use; others are passed over, secrets among them."""
    if not isinstance(found, dict) or found.get("use", "sig") != "sig":
        return None
    try:
        match found.get("kty"):
            case "RSA":
                key = RSAKey.import_key(found)
                return key if key.raw_value.key_size >= _SMALLEST_RSA else None
            case "EC":
                return ECKey.import_key(found)
            case "OKP":
                return OKPKey.import_key(found)
    except (JoseError, ValueError, TypeError):
        return None
    return None


def _moment(seconds: object) -> datetime | None:
    if isinstance(seconds, bool) or not isinstance(seconds, int | float) or not 0 < seconds < 2**40:
        return None
    return datetime.fromtimestamp(seconds, UTC)
