"""The WSGI application: readiness at ``/healthz``, what channels send, everything else Django's (static files too)."""

from __future__ import annotations

import gc
import os
from collections.abc import Iterable
from typing import TYPE_CHECKING

from kehu.host import process

if process.supervised():
    process.begin_child()  # one of granian's workers
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "kehu.host.settings")

from importlib import import_module

from django.conf import settings
from django.core.wsgi import get_wsgi_application
from django.db import DatabaseError, connection
from django.urls import get_resolver

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

gc.disable()  # what is loaded stays: looking through it meanwhile takes an eighth of the time to start
_django = get_wsgi_application()
_inbound = import_module(settings.INBOUND_DOOR)
get_resolver().url_patterns  # noqa: B018  (loads the views now, not at the first request)
gc.collect()
gc.freeze()  # what stays for good is not looked through again: a full collection would stop a request for 50 ms
gc.enable()


def application(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    """Answer a request."""
    if environ.get("PATH_INFO") == "/healthz":
        return _health(start_response)
    if _inbound.handles(environ.get("PATH_INFO", "")):
        answered: Iterable[bytes] = _inbound.application(environ, start_response)
        return answered
    return _django(environ, start_response)


def _health(start_response: StartResponse) -> Iterable[bytes]:
    try:
        with connection.cursor() as cursor:
            cursor.execute("select 1")
    except DatabaseError:
        connection.close()
        status, body = "503 Service Unavailable", b'{"database": false}\n'
    else:
        status, body = "200 OK", b'{"database": true}\n'
    start_response(
        status,
        [("Content-Type", "application/json"), ("Content-Length", str(len(body))), ("Cache-Control", "no-store")],
    )
    return [body]
