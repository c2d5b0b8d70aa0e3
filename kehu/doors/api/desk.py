"""Find, list, show, explain, match."""

from __future__ import annotations

from typing import Annotated, Any, Literal
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from ninja import Router
from pydantic import Field, StringConstraints

from kehu.doors.api.answers import answered, language, problem_response
from kehu.doors.api.callers import Bearer, caller_of
from kehu.doors.api.schemas import Compared, Explained, FindAsked, Found, Listed, MatchAsked, Purpose, Shown
from kehu.doors.problems import Problem
from kehu.serve.desk import answers
from kehu.serve.leaving import pulling

router = Router(tags=["customers"])
Fields = Annotated[str, StringConstraints(pattern=r"^[a-z0-9_]{1,40}(,[a-z0-9_]{1,40}){0,99}$")]
Law = Annotated[Literal["CN", "EU", "US", "JP", "AU"], Field(description="Only people whom this law covers.")]
After = Annotated[UUID, Field(description="`next` of the page before.")]


@router.post("/find", auth=Bearer("find"), response=Found, summary="Find customers by exact values")
def find(request: HttpRequest, asked: FindAsked) -> Any:
    """Values stand in the body only. A look-up without a hit is answered with an empty list, and recorded.

    At most 200 at a time: `next` goes on as `after`, and one more value to match narrows it down.
    """
    caller = caller_of(request)
    purpose = caller.claim(asked.purpose)
    return answers.found_answer(pulling.find(asked.criteria, actor=caller.actor, purpose=purpose, after=asked.after))


@router.get("/subjects", auth=Bearer("list"), response=Listed, summary="List the purpose's customers, newest first")
def list_(
    request: HttpRequest,
    fields: Fields | None = None,
    law: Law | None = None,
    after: After | None = None,
    limit: Annotated[int, Field(ge=1, le=pulling.LARGEST_PAGE)] = 100,
    purpose: Purpose | None = None,
) -> Any:
    """Keyset pages; a purpose that rests on consent begins with those who gave it.

    Values are masked, as in every list of the house. A token for a recipient outside sees them as the purpose shows them.
    """
    caller = caller_of(request)
    page = pulling.list_customers(
        actor=caller.actor, purpose=caller.claim(purpose), law=law or "", fields=fields.split(",") if fields else None,
        after=after, limit=limit,
    )  # fmt: skip
    customers = [answers.customer_answer(one, language(request)) for one in page.customers]
    return {"customers": customers, "kept_back": page.kept_back, "next": page.next}


@router.get("/subjects/{uuid:subject}", auth=Bearer("read"), response=Shown, summary="Show one customer")
def show(request: HttpRequest, subject: UUID, fields: Fields | None = None, purpose: Purpose | None = None) -> Any:
    """As far as the purpose shows them; `fields` (names with commas between) defaults to the purpose's least set.

    Where nothing at all may be shown the answer is 403, with the reason of each field.
    """
    caller = caller_of(request)
    asked = fields.split(",") if fields else None
    seen = pulling.show(subject, actor=caller.actor, purpose=caller.claim(purpose), fields=asked)
    answer = answers.customer_answer(seen, language(request))
    return _refusal(request, answer, next(iter(seen.denied.values()))) if seen.refused else answered(answer)


def _refusal(request: HttpRequest, answer: dict[str, Any], policy: str) -> HttpResponse:
    more = {name: answer[name] for name in ("subject", "denied", "ledger")}
    return problem_response(request, Problem("refused", policy=policy), more=more)


@router.post(
    "/subjects/{uuid:subject}/match", auth=Bearer("match"), response=Compared, summary="Compare what a caller says"
)
def match(request: HttpRequest, subject: UUID, asked: MatchAsked) -> Any:
    """Yes, no, or null where nothing is held; the value itself is not shown, and what was said stands in the body only.

    Five wrong answers on one customer within an hour end it for that hour (403, `house.match-limit`).
    """
    caller = caller_of(request)
    purpose = caller.claim(asked.purpose)
    found = pulling.match(subject, asked.field, asked.said, actor=caller.actor, purpose=purpose)
    return answers.comparison_answer(subject, asked.field, found)


@router.get(
    "/subjects/{uuid:subject}/explanation", auth=Bearer("explain"), response=Explained, summary="Why, field by field"
)
def explain(request: HttpRequest, subject: UUID, purpose: Purpose | None = None) -> Any:
    """What a read would show and which policy says so; nothing is opened."""
    caller = caller_of(request)
    found = pulling.explain(subject, actor=caller.actor, purpose=caller.claim(purpose))
    return answers.explanation_answer(found, language(request))
