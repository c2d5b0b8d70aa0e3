"""The door for what channels send by themselves: before Django's middleware, for there is no session, page or cookie here.

One seam: a request becomes a :class:`kehu.collect.channels.Request`, the kind of channel that has the path answers it.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Mapping
from http import HTTPStatus
from typing import TYPE_CHECKING, Final
from urllib.parse import parse_qsl

import psycopg
from django.db import Error, connection

from kehu.collect.channels import MOST_BODY, Request, Response, kind_of_path, kinds, problem

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

_log = logging.getLogger("kehu.inbound")
_ALWAYS: Final = (("Cache-Control", "no-store"), ("X-Content-Type-Options", "nosniff"))
_TYPE: Final = "content-type"
_AWAY: Final = problem(503, "unavailable", "Nothing can be kept just now; try again.", ("Retry-After", "5"))
kinds()  # found now, not at the first request


class _Headers(Mapping[str, str]):
    """Headers by their lower-case names, looked up where they stand: a request is asked for two or three of them."""

    __slots__ = ("_environ",)

    def __init__(self, environ: WSGIEnvironment) -> None:
        self._environ = environ

    def __getitem__(self, name: str) -> str:
        return str(self._environ["CONTENT_TYPE" if name == _TYPE else "HTTP_" + name.upper().replace("-", "_")])

    def __iter__(self) -> Iterator[str]:
        for name in self._environ:
            if name.startswith("HTTP_"):
                yield name[5:].replace("_", "-").lower()
        if "CONTENT_TYPE" in self._environ:
            yield _TYPE

    def __len__(self) -> int:
        return sum(1 for _ in self)


def handles(path: str) -> bool:
    """Whether a path is one that a channel answers."""
    return kind_of_path(path.rstrip("/")) is not None


def application(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    """Answer a request on such a path."""
    response = _answer(environ)
    status = f"{response.status} {HTTPStatus(response.status).phrase}"
    said = {name for name, _ in response.headers}  # a channel may say how long its answer may be held
    headers = [
        ("Content-Type", response.content_type), ("Content-Length", str(len(response.body))),
        *(pair for pair in _ALWAYS if pair[0] not in said), *response.headers,
    ]  # fmt: skip
    start_response(status, headers)
    return [response.body]


def _answer(environ: WSGIEnvironment) -> Response:
    path = str(environ.get("PATH_INFO", "")).rstrip("/")
    kind = kind_of_path(path)
    if kind is None:
        return problem(404, "not_found", "Nothing is here.")
    stated = str(environ.get("CONTENT_LENGTH") or "0")
    if not stated.isdigit() or int(stated) > MOST_BODY:
        return problem(400, "too_large", f"A request holds at most {MOST_BODY} bytes.")
    body = environ["wsgi.input"].read(MOST_BODY + 1)
    if len(body) > MOST_BODY:
        return problem(400, "too_large", f"A request holds at most {MOST_BODY} bytes.")
    query = str(environ.get("QUERY_STRING") or "")
    request = Request(
        method=str(environ["REQUEST_METHOD"]), path=path, query=dict(parse_qsl(query)) if query else {},
        headers=_Headers(environ), body=body,
    )  # fmt: skip
    try:
        return kind.answer(request)
    except (Error, psycopg.Error):  # the database is away or full; what was sent is with its sender still
        connection.close()
        _log.warning("inbound.unavailable", {"kind": kind.name})
        return _AWAY
