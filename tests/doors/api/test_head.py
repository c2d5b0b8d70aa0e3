"""HEAD is a GET whose body stays here (RFC 9110, 9.3.2): same headers, same right, same row of the ledger."""

from __future__ import annotations

import pytest
from django.test import RequestFactory
from django.urls import resolve

from tests.caller import LIN, ROOT
from tests.cast import admit
from tests.doors.api.test_api import NAMED, TABLE, UNKNOWN, rows

GETS = [path for method, path in TABLE if method == "GET"]
POSTS_ONLY = [path for method, path in TABLE if method == "POST" and ("GET", path) not in TABLE]


def whole(method, path, token):
    """The answer as the view makes it, before any server could cut its body off."""
    request = RequestFactory(SERVER_NAME="localhost").generic(
        method, ROOT + path, headers={"Authorization": f"Bearer {token}"} if token else {}
    )
    match = resolve(ROOT + path)
    request.resolver_match = match
    return match.func(request, *match.args, **match.kwargs)


def headers_of(answer):
    return {name: value for name, value in answer.items() if name not in ("X-Request-Id", "Content-Length")}


@pytest.mark.parametrize("path", [*GETS, "/openapi.json"])
def test_head_says_what_get_says_without_the_body(path, caller):
    [lin] = admit(LIN)
    token = caller("privacy", "complaints").token
    path = path.format(subject=lin, seq=1, import_id=UNKNOWN, **NAMED)
    before = len(rows())
    got = whole("GET", path, token)
    between = len(rows())
    told = whole("HEAD", path, token)
    assert told.status_code == got.status_code and headers_of(told) == headers_of(got)
    assert got.content and told.content == b"" and int(told["Content-Length"]) > 0
    assert rows()[before:between] == rows()[between:]  # a HEAD is a read, and recorded as one


def test_head_of_a_read_that_is_recorded_leaves_its_row(caller):
    [lin] = admit(LIN)
    ask, before = caller("service", "service"), len(rows())
    assert ask("HEAD", f"/subjects/{lin}").status == 200 and rows()[before:] == ["read"]


def test_head_needs_a_token_and_the_right(caller, anyone):
    [lin] = admit(LIN)
    assert anyone("HEAD", f"/subjects/{lin}").status == 401
    assert caller("service", "service")("HEAD", "/ledger").status == 403
    assert whole("HEAD", "/ledger", None).content == b""


@pytest.mark.parametrize("path", POSTS_ONLY)
def test_what_takes_no_get_takes_no_head(path, caller):
    [lin] = admit(LIN)
    found = caller("service", "service")("HEAD", path.format(subject=lin))
    assert found.status == 405 and found.headers["Allow"] == "POST" and found.text == ""


def test_allow_names_head_beside_get(caller):
    [lin] = admit(LIN)
    ask = caller("service", "service")
    assert ask("DELETE", f"/subjects/{lin}").headers["Allow"] == "GET, HEAD"
    assert ask("PUT", f"/subjects/{lin}/consents", {}).headers["Allow"] == "GET, HEAD, POST"
    assert ask("POST", "/openapi.json", {}).headers["Allow"] == "GET, HEAD"
