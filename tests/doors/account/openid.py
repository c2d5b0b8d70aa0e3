"""A real OpenID provider (pyop) on this machine, in a process of its own; told over ``/control`` who sits there, and how to lie.

Run with the id and the secret of the one client it knows. It checks what a provider checks: client, address of return, PKCE, a code's one use. ``lie`` names what it does wrong then.
"""

from __future__ import annotations

import base64
import json
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

from Cryptodome.PublicKey import RSA
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from jwkest.jwk import RSAKey, SYMKey
from jwkest.jws import JWS
from pyop.authz_state import AuthorizationState
from pyop.exceptions import BearerTokenError, InvalidAuthenticationRequest, InvalidClientAuthentication, OAuthError
from pyop.provider import Provider
from pyop.subject_identifier import HashBasedSubjectIdentifierFactory
from pyop.userinfo import Userinfo

CLIENT, SECRET = sys.argv[1:]
LOGOUT = "http://schemas.openid.net/event/backchannel-logout"
# what a lie changes in the claims of the identity; others are told below
LIES = {
    "nonce": {"nonce": "another"},
    "no-nonce": {"nonce": None},
    "audience": {"aud": ["somebody-else"]},
    "audience-by-our-name": {"aud": "somebody-else", "azp": CLIENT},
    "more-audiences": {"aud": [CLIENT, "somebody-else"]},
    "other-party": {"aud": [CLIENT, "somebody-else"], "azp": "somebody-else"},
    "issuer": {"iss": "http://127.0.0.1:1/"},
    "expired": {"exp": 1_000_000_000},
    "no-end": {"exp": None},
    "from-later": {"iat": 4_000_000_000},
    "half-hash": {"at_hash": "AAAAAAAAAAAAAAAAAAAAAA"},
    "no-subject": {"sub": ""},
}


class House:
    """The provider's state."""

    def __init__(self, port: int) -> None:
        self.issuer = f"http://127.0.0.1:{port}/"
        self.told: dict = {}
        self.asked: dict = {}
        self.looks = 0
        self.people = {"somebody": {}}
        self.keys = [_key("one")]
        client = {
            "redirect_uris": ["http://localhost/sign-in/provider/return"], "response_types": ["code"],
            "client_secret": SECRET, "token_endpoint_auth_method": "client_secret_basic", "subject_type": "public",
        }  # fmt: skip
        # pyop wants TLS of itself; on this machine it speaks in clear
        there = self.issuer.replace("http:", "https:")
        described = {
            "issuer": there, "authorization_endpoint": f"{there}authorize", "jwks_uri": f"{there}jwks",
            "token_endpoint": f"{there}token", "userinfo_endpoint": f"{there}userinfo",
            "scopes_supported": ["openid", "email"], "response_types_supported": ["code"],
            "subject_types_supported": ["public"], "id_token_signing_alg_values_supported": ["RS256"],
            "token_endpoint_auth_methods_supported": ["client_secret_basic"],
        }  # fmt: skip
        state = AuthorizationState(HashBasedSubjectIdentifierFactory("salt"))
        self.provider = Provider(self.keys[0], described, state, {CLIENT: client}, Userinfo(self.people))
        for name, value in described.items():
            if isinstance(value, str) and value.startswith(there):
                self.provider.configuration_information[name] = value.replace("https:", "http:")

    def control(self, told: dict) -> dict:
        """Who sits at the provider (``person``), how they signed in (``claims``), its lie, its keys."""
        if "rotate" in told:
            self.keys = [_key(told["rotate"])]
            self.provider.signing_key = self.keys[0]
        self.told = told
        if "returns-to" in told:
            self.provider.clients[CLIENT]["redirect_uris"] = [told["returns-to"]]
        self.people["somebody"] = told.get("person", {})
        return {"issuer": self.issuer}

    def described(self) -> dict:
        self.looks += 1
        found = self.provider.provider_configuration.to_dict()
        if "says-who" in self.told:
            found["authorization_response_iss_parameter_supported"] = True
        found["claims_parameter_supported"] = "takes-claims" in self.told
        if self.told.get("lie") == "metadata":
            found["issuer"] = "http://127.0.0.1:1/"
        return found

    def jwks(self) -> dict:
        return {"keys": [key.serialize() for key in self.keys]}

    def authorize(self, query: str) -> str:
        self.asked = {name: values[0] for name, values in parse_qs(query).items()}
        request = self.provider.parse_authentication_request(query)
        if self.told.get("lie") == "refuses":
            return f"{request['redirect_uri']}?error=access_denied&state={request['state']}"
        answer = self.provider.authorize(request, "somebody")
        if self.told.get("lie") == "state":
            answer["state"] = "another"
        if "says-who" in self.told:
            answer["iss"] = self.told["says-who"] or self.issuer
        return answer.request(request["redirect_uri"], False)

    def token(self, body: str, headers: dict) -> dict:
        claims = {name: value for name, value in self.told.get("claims", {}).items()}
        if "signed_in" in claims:
            claims["auth_time"] = int(time.time()) + claims.pop("signed_in")
        answer = self.provider.handle_token_request(body, headers, extra_id_token_claims=claims).to_dict()
        lie = self.told.get("lie", "")
        answer["id_token"] = self.lied(answer["id_token"], lie) if lie else answer["id_token"]
        return answer

    def lied(self, token: str, lie: str) -> str:
        head, body, signature = token.split(".")
        claims = json.loads(_read(body))
        claims = {name: value for name, value in (claims | LIES.get(lie, {})).items() if value is not None}
        if lie == "none":
            return f"{_written({'alg': 'none'})}.{body}."
        if lie == "secret":
            return JWS(json.dumps(claims), alg="HS256").sign_compact([SYMKey(key=SECRET, alg="HS256")])
        if lie == "public-key-as-secret":
            public = self.keys[0].key.publickey().export_key()
            return JWS(json.dumps(claims), alg="HS256").sign_compact([SYMKey(key=public.decode(), alg="HS256")])
        if lie == "other-key":
            return JWS(json.dumps(claims), alg="RS256").sign_compact([_key("one")])
        if lie == "signature":
            return f"{head}.{_written(claims | {'email': 'owner@kehu.example'})}.{signature}"
        return JWS(json.dumps(claims), alg="RS256").sign_compact([self.keys[0]])

    def userinfo(self, body: str, headers: dict) -> dict:
        answer = self.provider.handle_userinfo_request(body, headers).to_dict()
        lies = {"userinfo": {"sub": "somebody-else"}, "verified-text": {"email_verified": "true"}}
        return answer | lies.get(self.told.get("lie", ""), {})

    def logout(self, told: dict) -> dict:
        now = int(time.time())
        claims = {"iss": self.issuer, "aud": CLIENT, "iat": now, "exp": now + 60, "jti": "one", "events": {LOGOUT: {}}}
        claims = {name: value for name, value in (claims | told).items() if value is not None}
        return {"token": JWS(json.dumps(claims), alg="RS256").sign_compact([self.keys[0]])}


def _key(name: str) -> RSAKey:
    made = rsa.generate_private_key(65537, 2048)  # twenty times as fast as pycryptodome's
    text = made.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return RSAKey(key=RSA.import_key(text), alg="RS256", use="sig", kid=name)


def _read(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def _written(value: dict) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


class Door(BaseHTTPRequestHandler):
    """HTTP."""

    house: House

    def do_GET(self) -> None:
        self._answer("")

    def do_POST(self) -> None:
        self._answer(self.rfile.read(int(self.headers["Content-Length"])).decode())

    def _answer(self, body: str) -> None:
        parts, house = urlsplit(self.path), self.house
        headers = dict(self.headers.items())
        try:
            if parts.path == "/authorize":
                address = house.authorize(parts.query)
                self.send_response(302)
                self.send_header("Location", address)
                self.send_header("Content-Length", "0")
                self.end_headers()
                return
            said = {
                "/.well-known/openid-configuration": house.described,
                "/jwks": house.jwks,
                "/token": lambda: house.token(body, headers),
                "/userinfo": lambda: house.userinfo(body, headers),
                "/control": lambda: house.control(json.loads(body)),
                "/logout": lambda: house.logout(json.loads(body)),
                "/asked": lambda: house.asked | {"looks": house.looks},
            }[parts.path]()
            status = 200
        except InvalidAuthenticationRequest:
            status, said = 400, {"error": "invalid_request"}
        except (InvalidClientAuthentication, BearerTokenError):
            status, said = 401, {"error": "invalid_client"}
        except OAuthError as wrong:
            status, said = 400, {"error": wrong.oauth_error}
        text = json.dumps(said).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def main() -> None:
    """Serve until the input ends; the first line of the output is the address."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Door)
    Door.house = House(server.server_port)
    sys.stdout.write(f"{Door.house.issuer}\n")
    sys.stdout.flush()
    threading.Thread(target=server.serve_forever, daemon=True).start()
    sys.stdin.read()


if __name__ == "__main__":
    main()
