"""The register, to be read: purposes and notices with their versions. Changes are made by people, not by programs."""

from __future__ import annotations

from typing import Annotated, Any

from django.http import HttpRequest
from ninja import Router
from pydantic import Field

from kehu.doors.api.schemas import NoticeName, Notices, NoticeText, Purpose, Purposes, PurposeVersions
from kehu.serve.register import answers

router = Router(tags=["register"])
Language = Annotated[str, Field(pattern="^(en|zh-hans|zh-hant)$", description="Of the labels.")]


@router.get("/purposes", response=Purposes, by_alias=True, summary="What data may be used for")
def purposes(request: HttpRequest, language: Language = "en") -> Any:
    """Every purpose in force, and the change of it that waits."""
    return {"purposes": answers.purposes(language)}


@router.get("/purposes/{purpose}", response=PurposeVersions, summary="One purpose and its versions")
def purpose(request: HttpRequest, purpose: Purpose) -> Any:
    """As in force: ground under each law, roles, least fields, recipients, countries, retention; then every version."""
    return answers.purpose(purpose)


@router.get("/notices", response=Notices, by_alias=True, summary="Every version of every notice")
def notices(request: HttpRequest) -> Any:
    """Newest first, proposals among them."""
    return {"notices": answers.notices()}


@router.get("/notices/{notice}", response=NoticeText, by_alias=True, summary="One version of a notice")
def notice(request: HttpRequest, notice: NoticeName) -> Any:
    """`NAME` is the one in force, `NAME@N` that version: its words in each language, and what it covers."""
    return answers.notice_whole(answers.notice_version(notice))
