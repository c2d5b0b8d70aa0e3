"""The provider of the tests: started, told who sits at it, and walked through as a browser does."""

from __future__ import annotations

import json
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

CLIENT, SECRET = "kehu-at-home", "a-secret-of-the-client-of-the-tests"
RETURN = "/sign-in/provider/return"


class _Stays(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_):
        return None


class There:
    """The provider: told who sits at it, and walked through as a browser does."""

    def __init__(self, issuer):
        self.issuer = issuer
        self._browser = urllib.request.build_opener(urllib.request.ProxyHandler({}), _Stays)

    def tell(self, **told):
        return self._post("control", told)

    def sits(self, email, sub="person-1", *, verified=True, amr=(), signed_in=0, lie="", **more):
        person = {"sub": sub, "email": email, "email_verified": verified}
        claims = {"amr": list(amr), "signed_in": signed_in} | more.pop("claims", {})
        self.tell(person=person, claims={k: v for k, v in claims.items() if v is not None}, lie=lie, **more)

    def walk(self, address):
        """What the provider sends a browser back with: path and query of our site."""
        try:
            self._browser.open(address)
        except urllib.error.HTTPError as answer:
            assert answer.code == 302, answer.read()
            parts = urlsplit(answer.headers["Location"])
            assert (parts.netloc, parts.path) == ("localhost", RETURN)
            return f"{parts.path}?{parts.query}"
        raise AssertionError("the provider let nobody back")

    def asked(self):
        return json.loads(self._browser.open(self.issuer + "asked").read())

    def logout(self, **told):
        return self._post("logout", told)["token"]

    def _post(self, path, told):
        return json.loads(self._browser.open(self.issuer + path, json.dumps(told).encode()).read())


@contextmanager
def running() -> Iterator[There]:
    """A provider in a process of its own, whose libraries warn of what is old in them."""
    words = [sys.executable, "-W", "ignore", str(Path(__file__).with_name("openid.py")), CLIENT, SECRET]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as started:
        assert started.stdin and started.stdout
        yield There(started.stdout.readline().strip())
        started.stdin.close()
