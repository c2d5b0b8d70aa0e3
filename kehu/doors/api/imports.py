"""Files of customer records: sent, looked at, imported as a job, followed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any, Final
from uuid import UUID

from django.http import HttpRequest
from ninja import Router, Status
from pydantic import Field

from kehu.collect import tasks
from kehu.collect.imports import actions, queries, staging
from kehu.collect.imports.recipe import ImportTerms
from kehu.doors.api.answers import Unreadable, language
from kehu.doors.api.callers import Bearer, caller_of
from kehu.doors.api.schemas import ImportAsked, ImportPage, ImportPlan, ImportStarted, ImportStatus, Uploaded
from kehu.guard.gate.acts import require_act

router = Router(tags=["imports"], auth=Bearer("collect"))
UPLOAD: Final = "upload"
Before = Annotated[UUID, Field(description="`next` of the page before.")]
_BLOCK: Final = 1 << 20


@router.post("/uploads", response={201: Uploaded}, url_name=UPLOAD, summary="Send a file")
def upload(request: HttpRequest) -> Any:
    """The body is the file itself (`application/octet-stream`): CSV, Excel, JSON lines, Parquet or vCard.

    It is sealed as it arrives, never written in clear, and forgotten after a day if nobody imports it.
    """
    who = caller_of(request).actor
    require_act("collect", who)
    if _length(request) and request.content_type != "application/octet-stream":
        raise Unreadable("media-type")
    return Status(201, {"file": staging.stage(_blocks(request), name="upload", actor=who)})


def _length(request: HttpRequest) -> int:
    return int(request.META.get("CONTENT_LENGTH") or 0)


def _blocks(request: HttpRequest) -> Iterator[bytes]:
    """The body as it arrives.

    Raises:
        Unreadable: it ended before its announced length, or announced none.
    """
    missing = _length(request)
    if missing <= 0:
        raise Unreadable("usage")
    while missing and (block := request.read(min(_BLOCK, missing))):
        missing -= len(block)
        yield block
    if missing:
        raise Unreadable("usage")


@router.post(
    "/imports", response={200: ImportPlan, 202: ImportStarted}, by_alias=True, summary="Import files that were sent"
)
def start(request: HttpRequest, asked: ImportAsked) -> Any:
    """The job begins at once (202). With `dry_run`: the mapping and masked samples (200); nothing comes in."""
    who = caller_of(request).actor
    require_act("collect", who)
    terms = asked.model_dump(exclude={"dry_run", "files", "maps", "consents", "purposes"})
    plan = actions.plan(
        ImportTerms(
            files=tuple(asked.files),
            maps=tuple(f"{field}={column}" for field, column in asked.maps.items()),
            consents=tuple(asked.consents.items()),
            purposes=tuple(asked.purposes),
            **terms,
        ),
        actor=who,
    )
    if asked.dry_run:
        seen = {name: getattr(plan, name) for name in ("mapping", "unmapped", "rows", "samples")}
        labels = [one.preset.label for one in plan.recognised]
        return Status(200, seen | {"recognised": labels, "notes": plan.told(language(request))})
    return Status(202, ImportStarted(**{"import": tasks.start_as_job(plan, actor=who)}))


@router.get("/imports", response=ImportPage, summary="Imports, newest first")
def list_(request: HttpRequest, before: Before | None = None, limit: Annotated[int, Field(ge=1, le=200)] = 50) -> Any:
    """Keyset pages. Counts only; nothing of anybody stands in them."""
    require_act("collect", caller_of(request).actor)
    found = queries.imports(limit + 1, before=before)
    return {"imports": found[:limit], "next": found[limit - 1].id if len(found) > limit else None}


@router.get("/imports/{uuid:import_id}", response=ImportStatus, summary="How an import stands")
def status(request: HttpRequest, import_id: UUID) -> Any:
    """Counts grow with each chunk; `share` runs from 0 to 1; `review` is null until linkage has looked at it."""
    require_act("collect", caller_of(request).actor)
    return queries.status(import_id)
