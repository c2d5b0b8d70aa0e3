"""An incident over what a violation case brought to light: two registers, one act."""

from __future__ import annotations

from django.db import transaction

from kehu.guard.gate.actor import Actor
from kehu.guard.gate.acts import Refused
from kehu.guard.ledger.record import record_act
from kehu.guard.watch.case_steps import ACT_OF, SECOND_PERSON, note_incident
from kehu.guard.watch.cases import SECURITY, Case, case_of
from kehu.serve.rights.incidents.register import Window, open_incident


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
    try:
        with transaction.atomic():
            incident = open_incident(window=Window(held.human, None, None), text=text.strip(), actor=actor)
            return note_incident(number, incident, actor=actor)
    except Refused as no:
        if no.policy == SECOND_PERSON:  # the row that said so went with the transaction
            with transaction.atomic():
                record_act(
                    ACT_OF["incident"], None, actor=actor, purpose=SECURITY, detail=held.id, refused_by=no.policy
                )
        raise
