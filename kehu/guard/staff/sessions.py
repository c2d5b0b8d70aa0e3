"""Where a person is signed in: since when, from where, seen when; one's own windows are ended here, one or all."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from django.db import connection

IDLE_MINUTES: Final = 30
_BROWSERS: Final = (
    ("Edg", "Edge"), ("OPR", "Opera"), ("MicroMessenger", "WeChat"), ("Firefox", "Firefox"), ("Chrom", "Chrome"),
    ("Safari", "Safari"),
)  # fmt: skip
_SYSTEMS: Final = (
    ("Android", "Android"), ("iPhone", "iPhone"), ("iPad", "iPad"), ("Windows", "Windows"), ("Mac OS", "macOS"),
    ("Linux", "Linux"),
)  # fmt: skip
_OF_SIGN_IN: Final = (
    " in (select credential from staff_session where {0} union select claim from staff_session where {0})"
)


@dataclass(frozen=True, slots=True)
class Session:
    """One window; ``place`` is the network it came from, its last part left out."""

    credential: UUID
    place: str
    browser: str
    started_at: datetime
    seen_at: datetime


def sessions_of(staff: UUID) -> list[Session]:
    """An account's open windows, the one seen last first."""
    with connection.cursor() as cursor:
        cursor.execute(
            "select t.credential, t.place, t.browser, t.started_at, t.seen_at from staff_session t join actor_state s"
            " on s.actor = t.credential where t.staff = %s and t.whole_at is not null and s.revoked_at is null"
            " and s.expires_at > clock_timestamp() and t.seen_at > clock_timestamp() - make_interval(mins => %s)"
            " order by t.seen_at desc",
            [staff, IDLE_MINUTES],
        )
        return [Session(*row) for row in cursor.fetchall()]


def end_session(staff: UUID, credential: UUID) -> None:
    """End one of an account's windows with the purpose claimed in it: from its next statement on."""
    _end("staff = %s and credential = %s", [staff, credential])


def end_all(staff: UUID, *, but: UUID | None = None) -> None:
    """End every window of an account, but for one."""
    _end("staff = %s and credential is distinct from %s", [staff, but])


def end_unproven(staff: UUID, *, but: UUID) -> None:
    """End every window of an account in which no second factor was ever shown, but for one."""
    _end(
        "staff = %s and credential <> %s and not provider_factor and exists (select 1 from actor_state a where a.actor = credential"
        " and a.second_factor_at is null)",
        [staff, but],
    )


def note_session(
    credential: UUID, staff: UUID, *, place: str, agent: str, known: bool, counted: bytes, whole: bool
) -> None:
    """Begin one, and forget those that ended long ago.

    ``known``: the browser was there before with this account; ``counted``: what its wrong tries are counted under.
    """
    with connection.cursor() as cursor:
        cursor.execute("delete from staff_session where started_at < clock_timestamp() - interval '1 day'")
        cursor.execute(
            "insert into staff_session (credential, staff, place, browser, known, counted, whole_at)"
            " values (%s, %s, %s, %s, %s, %s, case when %s then clock_timestamp() end)",
            [credential, staff, network_of(place), browser_of(agent), known, counted, whole],
        )


def network_of(place: str) -> str:
    """An address without the part that tells one machine of a network from another."""
    try:
        address = ipaddress.ip_address(place)
    except ValueError:
        return ""
    kept = 24 if address.version == 4 else 48
    return str(ipaddress.ip_network(f"{address}/{kept}", strict=False).network_address) + f"/{kept}"


def browser_of(agent: str) -> str:
    """Kind of browser and system, as far as it says; no version."""
    found = [
        next((name for mark, name in known if re.search(re.escape(mark), agent)), "") for known in (_BROWSERS, _SYSTEMS)
    ]
    return " · ".join(filter(None, found))


def _end(which: str, values: list[UUID | None]) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "update actor_state set revoked_at = clock_timestamp() where revoked_at is null and actor"
            + _OF_SIGN_IN.format(which),
            values * 2,
        )
