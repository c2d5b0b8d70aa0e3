"""A channel's name for somebody who is here already: so that what it brings of them goes the way of everything it brings."""

from __future__ import annotations

from uuid import UUID

from django.db import connection

from kehu.collect.imports.prepare import WAITING
from kehu.collect.inbox.terms import terms_of
from kehu.govern.models import Channel
from kehu.guard.installation import installation
from kehu.refine.clean.frame import clean_value

_NOTHING = UUID(int=0)  # no record yet


def name_customer(channel: Channel, subject: UUID) -> str:
    """The name under which a channel may speak of a customer, known from now on; it goes with them when they are erased."""
    name = f"customer-{subject}"
    normal, _ = clean_value("external_id", name, "code", residence=None)
    token = installation().tokens.source(terms_of(channel).controller, channel.id, WAITING, normal or name)
    with connection.cursor() as cursor:
        cursor.execute(
            "insert into source_key (token, subject, record, content) values (%s, %s, %s, '') on conflict do nothing",
            [token, subject, _NOTHING],
        )
    return name
