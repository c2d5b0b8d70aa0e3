"""How much there is: customers, records, ciphertexts, what waits. Counts only, of no one in particular."""

from __future__ import annotations

import base64
from typing import Any

from django.db import connection

from kehu.guard.ledger.delay import delay
from kehu.guard.ledger.witness import standings
from kehu.guard.watch.marks import NOT_HONEY
from kehu.host import jobs
from kehu.host.home import Home


def counts() -> dict[str, Any]:
    """The counts that ``kehu status`` shows; None for what a schema not yet migrated does not have."""
    with connection.cursor() as cursor:
        cursor.execute(
            "select to_regclass('ledger_checkpoint') is not null, to_regclass('collect_quarantined') is not null,"
            " to_regclass('refine_proposal') is not null, to_regclass('watch_mark') is not null"
        )
        made, has_quarantine, has_review, has_marks = cursor.fetchone()
        if not made:
            return dict.fromkeys(("subjects", "sources", "facets", "quarantined", "review", "ledger", "jobs"))
        real = NOT_HONEY if has_marks else "true"
        cursor.execute(
            f"select (select count(distinct s.customer) from subject_state s where not s.hidden and {real}),"
            f" (select count(*) from record s where not s.hidden and {real}), (select count(*) from facet)"
        )
        subjects, sources, facets = cursor.fetchone()
        cursor.execute("select size, root from ledger_checkpoint order by size desc limit 1")
        size, root = cursor.fetchone() or (0, None)
    return {
        "subjects": subjects,
        "sources": sources,
        "facets": facets,
        "quarantined": _one(
            "select count(distinct (batch, file, line)) from collect_quarantined where not accepted and settled is null"
        )
        if has_quarantine
        else 0,
        "review": _one("select count(*) from refine_proposal where state = 'open'") if has_review else 0,
        "ledger": {"size": size, "root": base64.b64encode(root).decode() if root else None, **_beside()},
        "jobs": jobs.counts(),
    }


def _beside() -> dict[str, Any]:
    """Seconds the oldest row waits to be hashed, and how far each witness is."""
    try:
        seen = [{"size": one.size, "at": one.at, "why": one.why} for one in standings(Home.current())]
    except ValueError:  # the doctor says what is wrong with the setting
        seen = []
    return {"delay": round(delay().seconds, 1), "witnesses": seen}


def _one(query: str) -> int:
    with connection.cursor() as cursor:
        cursor.execute(query)
        return int(cursor.fetchone()[0])
