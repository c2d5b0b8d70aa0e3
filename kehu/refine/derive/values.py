"""What traits come to for whole customers: put together from what is kept of their origin subjects, as of a day.

Nothing is opened here, so every day may have its values without another use of anybody's data.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import Any, Final
from uuid import UUID

import orjson
import polars as pl
from django.db import connection
from django.utils import timezone

from kehu.govern.parts import retried
from kehu.refine.derive.checking import KEY
from kehu.refine.derive.computing import Cuts, finished, together
from kehu.refine.derive.frames import unpacked
from kehu.refine.derive.models import IN_FORCE, Trait
from kehu.refine.derive.parting import cut_points
from kehu.refine.derive.register import Group, still_in_force
from kehu.refine.derive.smallest import smallest_group

_WRITTEN_AT_ONCE: Final = 5_000
_STATES: Final = """
select s.customer, d.state::text, current_date - s.last_act from derive_state d join subject_state s using (subject)
where d.purpose = %s and d.sensitive = %s and not s.hidden
"""
# a consent that ends by time, and days that pass, write nothing that a trigger could follow
_ENDED: Final = """
delete from derive_state d using subject_state s, (
    select o.customer from subject_state o left join derive_state k
        on k.subject = o.subject and k.purpose = %(purpose)s and k.sensitive = %(sensitive)s
    where not o.hidden group by o.customer having bool_or(k.subject is not null) and (
        not bool_and(derive_stands(o, %(purpose)s::smallint, %(sensitive)s))
        or min(coalesce(current_date - o.last_act, 0)) filter (where k.subject is not null) > %(kept_days)s)) e
where d.subject = s.subject and s.customer = e.customer and d.purpose = %(purpose)s and d.sensitive = %(sensitive)s
"""

Value = int | float | str | bool | dict[str, int | float]
"""Of a trait: a number, a word, yes or no; or a number for each key."""


def settle(group: Group, customers: Sequence[UUID]) -> None:
    """Write the values of these customers, by the fifths as they were last parted."""
    with connection.cursor() as cursor:
        cursor.execute(_STATES + " and s.customer = any (%s)", [group.number, group.sensitive, list(customers)])
        rows = cursor.fetchall()
    cuts = dict(Trait.objects.filter(slug__in=list(group.held)).values_list("slug", "cuts"))
    _write(group, values_of(group, rows, cuts=cuts), customers)


def refresh(group: Group, *, computed: bool = True) -> None:
    """Write everybody's values as of today, and part them into fifths anew; what may not be kept any more goes before.

    Args:
        computed: everybody was just computed. Else what is kept stands as it was: whose values something took since get
            none, for what is left of it would be a part.
    """
    retried(lambda: _forget_ended(group))
    with connection.cursor() as cursor:
        cursor.execute(_STATES, [group.number, group.sensitive])
        rows = cursor.fetchall()
        cursor.execute(
            "select customer from derive_value where purpose = %s and sensitive = %s", [group.number, group.sensitive]
        )
        before = {row[0] for row in cursor.fetchall()}
    numbers, states = _together(group, rows)
    cuts: dict[str, dict[str, list[float]]] = {}

    def parted(slug: str, frame: pl.DataFrame) -> dict[str, list[float]]:
        cuts[slug] = cut_points(frame, least=smallest_group())
        return cuts[slug]

    frames = finished(states, group.plan, today=_today(), cuts={}, parted=parted)
    values = _by_customer(group, frames, numbers, rows)
    if not computed:
        values = {one: values[one] for one in before if one in values}
    at = {"computed_at": timezone.now()} if computed else {}
    for slug in group.held:
        covered = sum(slug in one for one in values.values())
        Trait.objects.filter(slug=slug, state=IN_FORCE).update(cuts=cuts.get(slug, {}), covered=covered, **at)
    everybody = sorted(before | set(values))
    for start in range(0, len(everybody), _WRITTEN_AT_ONCE):
        part = everybody[start : start + _WRITTEN_AT_ONCE]
        _write(group, {one: values[one] for one in part if one in values}, part)


def values_of(
    group: Group, rows: Sequence[tuple[UUID, str, int | None]], *, cuts: Cuts
) -> dict[UUID, dict[str, Value]]:
    """Values by whom the rows are named for (a customer, or one origin subject), from what is kept."""
    numbers, states = _together(group, rows)
    return _by_customer(group, finished(states, group.plan, today=_today(), cuts=cuts), numbers, rows)


def _forget_ended(group: Group) -> None:
    """Forget what is kept of whom such traits may not stand any more, or who were quiet for longer than any is kept."""
    still_in_force(group)  # whoever retires one forgets the same rows, and waits
    with connection.cursor() as cursor:
        cursor.execute(_ENDED, {"purpose": group.number, "sensitive": group.sensitive, "kept_days": group.kept_days})


def _today() -> date:
    return timezone.now().date()


def _together(group: Group, rows: Sequence[tuple[UUID, str, int | None]]) -> tuple[list[UUID], dict[str, pl.DataFrame]]:
    place: dict[UUID, int] = {}
    held = [(place.setdefault(who, len(place)), orjson.loads(state)) for who, state, _ in rows]
    states = unpacked(held, group.plan)
    return list(place), states if len(place) == len(held) else together([states], group.plan)


def _by_customer(
    group: Group,
    frames: Mapping[str, pl.DataFrame],
    customers: Sequence[UUID],
    rows: Iterable[tuple[UUID, str, int | None]],
) -> dict[UUID, dict[str, Value]]:
    quiet: dict[UUID, int] = {}  # days since something came of them
    for who, _, days in rows:
        quiet[who] = min(quiet.get(who, 1 << 30), days or 0)
    found: dict[UUID, dict[str, Value]] = {}
    for slug, frame in frames.items():
        kept_days = group.held[slug].definition.retention_days
        keyed = KEY in frame.columns
        for row in frame.iter_rows():
            who = customers[row[0]]
            if quiet.get(who, 0) > kept_days:
                continue
            mine = found.setdefault(who, {})
            if keyed:
                mine.setdefault(slug, {})[row[1]] = plain(row[2])  # type: ignore[index]  # made a dict here
            else:
                mine[slug] = plain(row[1])
    return found


def plain(value: Any) -> Any:
    """A value as it is kept: two places behind the point, and none where they say nothing."""
    if isinstance(value, float):
        rounded = round(value, 2)
        return int(rounded) if rounded == int(rounded) else rounded
    return value


def _write(group: Group, values: Mapping[UUID, Mapping[str, Value]], customers: Sequence[UUID]) -> None:
    """Put values in place of those that were there, where no origin subject of the customer has said no since.

    Of a trait that was retired since nothing is written.
    """

    def work() -> None:
        standing = still_in_force(group)
        mine = {str(who): {slug: one[slug] for slug in one if slug in standing} for who, one in values.items()}
        held = orjson.dumps({who: one for who, one in mine.items() if one}).decode()
        with connection.cursor() as cursor:
            cursor.execute(
                "select 1 from subject_state where customer = any (%s) order by subject for share", [list(customers)]
            )
            cursor.execute(
                "delete from derive_value where customer = any (%s) and purpose = %s and sensitive = %s",
                [list(customers), group.number, group.sensitive],
            )
            cursor.execute(
                'insert into derive_value (customer, purpose, sensitive, "values", day)'
                " select t.customer::uuid, %s, %s, t.held, %s from jsonb_each(%s::jsonb) as t (customer, held)"
                " where (select bool_and(derive_stands(s, %s::smallint, %s)) from subject_state s"
                " where s.customer = t.customer::uuid and not s.hidden)",
                [group.number, group.sensitive, _today(), held, group.number, group.sensitive],
            )

    retried(work)
