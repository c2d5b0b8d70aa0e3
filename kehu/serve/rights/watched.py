"""An incident over what a violation case brought to light: two registers, one act."""

from __future__ import annotations

from django.db import transaction

from kehu.guard.gate.actor import Actor
from kehu.guard.watch.case_steps import note_incident
from kehu.guard.watch.cases import Case, case_of
from kehu.serve.rights.incidents import Window, open_incident


def open_incident_of(number: int, text: str, *, actor: Actor) -> Case:
    """Open an incident about the person of a case, and note it there; neither stands without the other.

    Raises:
        Refused, UnknownCase: as they say.
        StepRefused: the case is closed, has one already, or the asker is a party in it.
        ValueError: nothing is said.
    """
    held = case_of(number, actor=actor)
    if not text.strip():
        raise ValueError("text: what is known")
    with transaction.atomic():
        incident = open_incident(window=Window(held.human, None, None), text=text.strip(), actor=actor)
        return note_incident(number, incident, actor=actor)
