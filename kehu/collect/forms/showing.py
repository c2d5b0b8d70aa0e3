"""A published form as a visitor may be shown it now: what no purpose needs any more is not asked."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

from kehu.collect.forms.definition import Definition, addresses_of
from kehu.collect.forms.models import Form, FormVersion
from kehu.govern.consent import notice_in_force
from kehu.govern.models import Controller, Notice
from kehu.guard.installation import installation


class FormClosed(LookupError):
    """No such form, or it is not published."""


@dataclass(frozen=True, slots=True)
class Shown:
    """A form and the version that visitors see."""

    id: UUID
    name: str
    kind: str
    channel: int
    version: FormVersion
    definition: Definition

    @property
    def notice(self) -> Notice:
        """The notice that it shows, in the version that was in force when it was published."""
        return Notice.objects.get(id=self.version.notice)

    @property
    def controller(self) -> str:
        """The company that asks."""
        return str(Controller.objects.values_list("name", flat=True).get(id=self.version.controller))

    @property
    def notice_replaced(self) -> bool:
        """Whether another version of its notice is in force by now."""
        return notice_in_force(self.definition.notice).id != self.version.notice

    @property
    def outdated(self) -> tuple[str, ...]:
        """Purposes that became wider since: a consent by this form does not cover them any more."""
        held = installation().rules.purposes
        return tuple(slug for slug, version in self.version.covers.items() if held[slug].version > version)


def shown(id: UUID) -> Shown:
    """A form as visitors see it.

    Raises:
        FormClosed: it is not there for them.
    """
    form = Form.objects.filter(id=id).exclude(published=None).first()
    if form is None or form.channel is None or form.published is None:
        raise FormClosed(str(id))
    return _shown(form, form.versions.get(number=form.published))


def shown_as(id: UUID, number: int) -> Shown:
    """A form as it was when something was sent by it, be it closed by now.

    Raises:
        FormClosed: there is no such version.
    """
    version = FormVersion.objects.select_related("form").filter(form=id, number=number).first()
    if version is None or version.form.channel is None:
        raise FormClosed(str(id))
    return _shown(version.form, version)


def _shown(form: Form, version: FormVersion) -> Shown:
    content: dict[str, Any] = version.content
    written = Definition.unpack(content)
    fields = {name: required for name, required in written.fields.items() if written.needing(name)}
    letters = tuple(one for one in written.letters if addresses_of(one) in fields)
    definition = replace(written, fields=fields, letters=letters)
    assert form.channel is not None
    return Shown(form.id, form.name, form.kind, form.channel, version, definition)
