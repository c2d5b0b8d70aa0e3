"""Records made to be found: customers who are nobody, in the vault among the others, so that opening one says something.

Their values are made up as those of the made-up customer in a list, from the same key; the address ends in a name that
nobody can register (RFC 2606), the telephone is of a range given to nobody. They stand where a purpose of contract shows
customers; whoever asks for consent is refused. Lists that leave and counts of customers leave them out.
"""

from __future__ import annotations

from typing import Any, Final
from uuid import UUID

from django.db import connection, transaction

from kehu.govern.slugs import CATEGORIES, CHANNELS
from kehu.guard.gate.actor import Actor
from kehu.guard.gate.acts import require_act
from kehu.guard.gate.admit import Admission, Draft, Terms
from kehu.guard.gate.read import gate
from kehu.guard.installation import installation
from kehu.guard.watch.marks import mark
from kehu.refine.tokens import tokens_of
from kehu.serve.leaving.canary import canary_of
from kehu.vault.copying import int8_items
from kehu.vault.ids import new_id
from kehu.vault.seal import packed

MOST: Final = 20  # at once
_FIELDS: Final = ("full_name", "email", "phone", "external_id")
_PERSON: Final = 1
_ADULT: Final = 5

# as somebody who is here already came in, so that nothing tells them apart
_NEIGHBOUR: Final = """
select r.channel, c.kind, s.controller, r.notice, s.packs from record r join subject_state s using (subject)
    join govern_channel c on c.id = r.channel
where s.kind = 1 and not s.hidden and not r.hidden and r.kind = 1 and c.kind not in ('third-party', 'public')
order by r.subject desc limit 1
"""


class NobodyHere(LookupError):
    """There is no customer among whom a record could stand."""


def make_honey(count: int, *, actor: Actor) -> list[UUID]:
    """Make records and mark them; returns their customers' ids.

    Raises:
        ActRefused: the role may not mark, or may not collect.
        NobodyHere: the installation has no customer yet.
        ValueError: none, or more than twenty at once.
        CollectionRefused: a law refuses the way the newest customer came in.
    """
    if not 1 <= count <= MOST:
        raise ValueError(f"count: 1 to {MOST}")
    require_act("mark", actor)
    require_act("collect", actor)
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(_NEIGHBOUR)
        row = cursor.fetchone()
        if row is None:
            raise NobodyHere
        channel, kind, controller, notice, packs = row
        terms = Terms(channel, kind if kind in CHANNELS else "file", controller, "contract", notice, False, None)
        drafts = [_draft(controller, channel, packs) for _ in range(count)]
        Admission(installation(), gate().decisions, actor=actor, terms=terms).admit(connection.connection, drafts)
        made = [UUID(bytes=draft.subject) for draft in drafts if draft.subject]
        for one in made:
            mark(one, "honey", actor=actor)
    return made


def _draft(controller: int, channel: int, packs: int) -> Draft:
    held = installation()
    known = held.rules.dictionary
    _, values = canary_of(new_id(), [name for name in _FIELDS if name in known.fields])
    source = held.tokens.source(controller, channel, _PERSON, values.get("external_id", values["email"]))
    sealed: dict[int, dict[str, list[Any]]] = {}
    tokens: list[int] = []
    for name, value in values.items():
        field = known.field(name)
        sealed.setdefault(CATEGORIES[field.category], {})[name] = [value, value, 1, None]
        tokens += tokens_of(name, value).every
    values_of = {number: packed(part) for number, part in sealed.items()}
    return Draft(_PERSON, source, source, values_of, int8_items(tokens), [], packs, _ADULT)
