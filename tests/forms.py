"""Forms of the tests: drafted by marketing, published by the privacy office, sent as a visitor sends them."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from django.core.mail import EmailMessage
from django.db import connection

from kehu.collect.forms import building
from kehu.collect.forms.definition import Definition
from kehu.collect.forms.showing import Shown, shown
from kehu.collect.forms.stamps import make_stamp
from kehu.collect.forms.submission import Sent, submit
from kehu.govern.models import Controller
from kehu.govern.slugs import LANGUAGES
from kehu.guard.gate.actor import Actor
from kehu.guard.staff.actions import actor_of
from kehu.guard.staff.models import Staff
from kehu.host import jobs
from tests.cast import staff

ADDRESS = "https://kehu.example/forms/confirm/{link}"


def words(text: str) -> dict[str, str]:
    """A text in every language."""
    return {language: f"{text} ({language})" for language in LANGUAGES}


CONTACT = Definition(
    texts={"title": words("Ask us"), "intro": words("We answer."), "thanks": words("Thank you.")},
    purposes=("service", "personalisation"), wordings={"personalisation": words("Fit offers to me")},
    fields={"full_name": True, "email": True, "interests": False, "text": False}, country="CN",
)  # fmt: skip
LETTERS = Definition(
    texts={"title": words("Letters")}, purposes=("marketing",), fields={"email": True},
    letters=("email:newsletter", "email:offers"), country="DE",
)  # fmt: skip


def someone(role: str) -> Actor:
    """A member of staff of that role, the same each time."""
    held = Staff.objects.filter(role=role).first()
    return actor_of(held.email) if held else staff(role)


def published(
    definition: Definition = CONTACT, *, name: str = "ask us", kind: str = "form", house: str | None = None, **more: Any
) -> Shown:
    """A form that visitors see; ``house``: who answers, by name."""
    answering = Controller.objects.filter(**({"name": house} if house else {})).order_by("id").first()
    assert answering is not None
    form = building.Form.objects.filter(name=name).first() or building.create(name, kind, actor=someone("marketing"))
    building.draft(form, replace(definition, controller=answering.name, **more), actor=someone("marketing"))
    building.publish(form, actor=someone("privacy"))
    return shown(form.id)


def send(form: Shown, fields: Mapping[str, str], **more: Any) -> str:
    """What became of it."""
    stamp = more.pop("stamp", None) or make_stamp(form.id, form.version.number, at=time.time() - 10)
    consents, letters = frozenset(more.pop("consents", ())), frozenset(more.pop("letters", ()))
    said = {"language": "en", "client": "192.0.2.9"} | more
    return submit(form, Sent(fields=fields, consents=consents, letters=letters, stamp=stamp, **said), address=ADDRESS)


def post_letters() -> None:
    """Have every letter that waits sent."""
    jobs.run_pending()


def link_of(letter: EmailMessage) -> str:
    """The link by which a mailbox confirms, as it stands in a letter."""
    found = re.search(r"/forms/confirm/(\S+)", str(letter.body))
    assert found is not None
    return found[1]


def count(query: str, *parameters: Any) -> Any:
    """One number of the database."""
    with connection.cursor() as cursor:
        cursor.execute(query, parameters)
        return cursor.fetchone()[0]
