"""The product's own WSGI application, in the variants that the serving bench compares. Nothing of this is in the product.

``KEHU_BENCH_MODE``: ``checked`` is the product as it is; ``unrecorded`` has the ledger's insert taken out of the checked
read; ``floor`` is that with one bare insert of one column before each view; ``orm`` answers from plain tables.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from typing import Any

from kehu.host.wsgi import application as product

MODE = os.environ["KEHU_BENCH_MODE"]
BARE_INSERT = "insert into bench_floor (one) values (1)"


def _leave_insert_out() -> None:
    from bench import unrecorded
    from kehu.guard.gate.statement import STATEMENTS

    STATEMENTS["customer"] = unrecorded.statement()


def _with_bare_insert(inner: Callable[..., Any]) -> Callable[..., Iterable[bytes]]:
    from django.db import connection

    def application(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        if environ["PATH_INFO"] != "/healthz":
            connection.ensure_connection()
            connection.connection.execute(BARE_INSERT)
        found: Iterable[bytes] = inner(environ, start_response)
        return found

    return application


def _plain(inner: Callable[..., Any]) -> Callable[..., Iterable[bytes]]:
    from django.urls import clear_url_caches

    from bench import plain
    from kehu.doors.web import urls

    urls.urlpatterns[:0] = plain.routes
    clear_url_caches()
    return inner


application: Callable[..., Any] = product
if MODE in ("unrecorded", "floor"):
    _leave_insert_out()
if MODE == "floor":
    application = _with_bare_insert(product)
if MODE == "orm":
    application = _plain(product)
