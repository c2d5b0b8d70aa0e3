"""Whether it answers, and how it stands."""

from __future__ import annotations

from typing import Any

from django.db import connection
from django.http import HttpRequest
from ninja import Router

from kehu import __version__
from kehu.doors.api.schemas import Health, Status
from kehu.serve.assurance.counts import counts

router = Router(tags=["system"])


@router.get("/health", auth=None, response=Health, summary="Whether it answers")
def health(request: HttpRequest) -> Any:
    """For a load balancer; needs no token and says nothing else. 503 where the database does not answer."""
    with connection.cursor() as cursor:
        cursor.execute("select 1")
    return {"database": True}


@router.get("/status", response=Status, summary="Health and counts")
def status(request: HttpRequest) -> Any:
    """What `kehu status` counts; nothing of anybody stands in it."""
    return {"version": __version__, **counts()}
