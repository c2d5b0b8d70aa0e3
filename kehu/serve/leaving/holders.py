"""The room's holder: in which authorities' demands a customer is named."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final
from uuid import UUID

from django.db import connection

from kehu.guard.gate.actor import Actor
from kehu.guard.ledger import withheld
from kehu.guard.texts import destroy_keys
from kehu.serve.leaving.demands import demand_of


class DemandHolder:
    """Demands of authorities that name a customer; the file given to one is theirs."""

    name: Final = "demands"
    tables = frozenset({"authority_demand", "authority_demand_subject", "authority_approval"})

    def export(self, subject: UUID, *, actor: Actor) -> Mapping[str, Any] | None:
        """Who demanded what, by which law, and when it was handed over; not while its silence may still come or lasts."""
        found = []
        for id in _naming(subject):
            held = demand_of(id)
            if held.silent is not None and withheld.withholding_of(held.silent).state in ("waiting", "in force"):
                continue
            found.append(
                {
                    "authority": held.authority, "country": held.country, "provision": held.provision,
                    "fields": list(held.fields), "asked_at": held.asked_at.isoformat(), "state": held.state,
                    "handed_over_at": held.ran_at.isoformat() if held.ran_at else None,
                }
            )  # fmt: skip
        return {"demands": found} if found else None

    def erase(self, subject: UUID) -> int:
        """Take the name out; a demand that names nobody any more loses its document, and the key of it."""
        named = _naming(subject)
        with connection.cursor() as cursor:
            cursor.execute("delete from authority_demand_subject where subject = %s", [subject])
            cursor.execute(
                "select d.id from authority_demand d where d.id = any (%s) and not exists"
                " (select 1 from authority_demand_subject s where s.demand = d.id)",
                [named],
            )
            over = [row[0] for row in cursor.fetchall()]
            destroy_keys(over)
            cursor.execute("update authority_approval set document = null where demand = any (%s)", [over])
            cursor.execute("update authority_demand set document = null where id = any (%s)", [over])
        return len(named)


def _naming(subject: UUID) -> list[UUID]:
    with connection.cursor() as cursor:
        cursor.execute("select demand from authority_demand_subject where subject = %s order by 1", [subject])
        return [row[0] for row in cursor.fetchall()]
