"""A network that speaks OAuth 2.0 without OpenID Connect (RFC 6749, code flow with PKCE by RFC 7636, state by RFC 9700).

Nothing that it says is signed. What its profile address answers is believed because token and profile came over TLS from
addresses that the settings name, for a code that this browser brought back with our state a moment ago. So it says what
somebody has there; it is never a sign-in here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import requests
from authlib.common.errors import AuthlibBaseError
from authlib.integrations.requests_client import OAuth2Session

from kehu.host.asking import TIMEOUT, NotBelieved, ProviderFailed, ask_json, by_itself, may_ask
from kehu.host.openid import Told


@dataclass(frozen=True, slots=True)
class Addresses:
    """Where a network is asked: the page on which people agree, the token for a code, the profile for a token."""

    authorize: str
    token: str
    profile: str


class Network:
    """One network as its documentation describes it; ``issuer`` is the origin of the page on which people agree.

    Args:
        subject: who a profile is about, as the network's own id of them; None where the profile does not say.
        by_body: the client's secret goes with the other parameters, for networks that read no header (RFC 6749, 2.3.1).
    """

    def __init__(
        self,
        addresses: Addresses,
        client: str,
        secret: str,
        *,
        scope: str,
        subject: Callable[[Mapping[str, Any]], str | None],
        by_body: bool = False,
    ) -> None:
        self._addresses = addresses
        self._client = client
        self._secret = secret
        self._scope = scope
        self._subject = subject
        self._by_body = by_body
        self.issuer = self.origin()

    def origin(self) -> str:
        """Where a browser is sent: scheme, host and port."""
        parts = urlsplit(self._addresses.authorize)
        return f"{parts.scheme}://{parts.netloc}"

    def address(self, *, state: str, nonce: str, verifier: str, returns_to: str, again: bool) -> str:
        """Where to send a browser. A nonce is an identity's, of which there is none here; ``again`` is nothing it knows.

        Raises:
            ProviderFailed: it would be asked in clear.
        """
        del nonce, again
        if not may_ask(self._addresses.authorize, near=self.issuer):
            raise ProviderFailed("authorize")
        with self._session(returns_to) as session:
            url, _ = session.create_authorization_url(self._addresses.authorize, state=state, code_verifier=verifier)
        return str(url)

    def check_origin(self, issuer: str | None) -> None:
        """Where the answer says where it comes from (RFC 9207), that is where we asked.

        Raises:
            NotBelieved: from elsewhere.
        """
        if issuer is None:
            return
        parts = urlsplit(issuer)
        if f"{parts.scheme}://{parts.netloc}" != self.issuer:
            raise NotBelieved("issuer of the response")

    def exchange(self, code: str, *, nonce: str, verifier: str, returns_to: str) -> Told:
        """Have the code changed for a token, and the token for the profile; the token is kept nowhere.

        Raises:
            NotBelieved: the code is not good, or the profile is nobody's.
            ProviderFailed: it does not answer.
        """
        del nonce
        if not may_ask(self._addresses.token, near=self.issuer):
            raise ProviderFailed("token")
        try:
            with self._session(returns_to) as session:
                given = session.fetch_token(
                    self._addresses.token, grant_type="authorization_code", code=code, code_verifier=verifier,
                    redirect_uri=returns_to, timeout=TIMEOUT, allow_redirects=False, headers={
                        "Accept": "application/json", "Content-Type": "application/x-www-form-urlencoded;charset=UTF-8",
                    },
                )  # fmt: skip
        except AuthlibBaseError:
            raise NotBelieved("code") from None
        except (requests.RequestException, ValueError):
            raise ProviderFailed("token endpoint") from None
        access, kind = given.get("access_token"), given.get("token_type", "bearer")
        if not isinstance(access, str) or not isinstance(kind, str) or kind.lower() != "bearer":
            raise NotBelieved("answer without token")
        profile = ask_json(self._addresses.profile, near=self.issuer, bearer=access)
        who = self._subject(profile)
        if not who:
            raise NotBelieved("subject")
        return Told(who, profile, access, None, False, "")

    def released(self, told: Told) -> dict[str, Any]:
        """Everything the person released: the profile."""
        return told.claims

    def _session(self, returns_to: str) -> OAuth2Session:
        way = ("client_secret_post" if self._by_body else "client_secret_basic") if self._secret else "none"
        session = OAuth2Session(
            self._client, self._secret or None, token_endpoint_auth_method=way, scope=self._scope,
            redirect_uri=returns_to, code_challenge_method="S256",
        )  # fmt: skip
        by_itself(session, near=self.issuer)
        return session
