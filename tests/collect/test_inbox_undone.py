"""What a channel brought is taken back whole, also while its inbox is being emptied."""

from __future__ import annotations

import threading

import pytest
from django.db import connection

from kehu.collect.imports import actions
from kehu.collect.inbox import drain
from kehu.collect.inbox.drain import drain_all
from kehu.collect.models import Import
from kehu.guard.staff.actions import owner_actor
from tests.forms import count, published, send

pytestmark = pytest.mark.usefixtures("database")


def test_an_undo_waits_for_what_is_being_taken_in(monkeypatch):
    """And what comes after it is of another import, under the terms of then."""
    form = published(confirmed=False)
    send(form, {"full_name": "林婉清", "email": "lin@mail.example"})
    drain_all()
    [first] = Import.objects.filter(kind="customers")
    undoing: list[threading.Thread] = []

    def undo() -> None:
        actions.undo(first.id, actor=owner_actor())
        connection.close()

    found = drain.intake_of

    def while_undone(*told, **more):
        batch = found(*told, **more)
        if not undoing:
            undoing.append(threading.Thread(target=undo))
            undoing[0].start()
            undoing[0].join(1.0)
        return batch

    monkeypatch.setattr(drain, "intake_of", while_undone)
    send(form, {"full_name": "Ben Wu", "email": "ben@mail.example"})
    drain_all()
    undoing[0].join()
    assert count("select count(*) from record where batch = %s and not hidden", first.id) == 0
    send(form, {"full_name": "Eva Oh", "email": "eva@mail.example"})
    drain_all()
    assert count("select count(*) from record where not hidden") == 1
    assert Import.objects.filter(kind="customers", state="open").exclude(id=first.id).count() == 1
