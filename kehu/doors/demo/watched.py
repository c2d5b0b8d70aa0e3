"""What the watch has noticed: a well-known customer was looked at, a record made to be found was opened; a case waits.

The looks took place, by the made-up member of staff they name; the watch itself raised the alerts.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from kehu.doors.demo.cast import on_stage
from kehu.guard.gate.actor import Actor
from kehu.guard.ledger.open_log import open_sequencer
from kehu.guard.staff.actions import owner_actor
from kehu.guard.watch import alerts, case_steps, cases, engine, marks
from kehu.serve.desk import queries
from kehu.serve.leaving.honey import make_honey

_WELL_KNOWN: Final = "hongkong"  # somebody whom service and manager have opened
_TOLD: Final = "您打开了一条专为发现无故查看而设的客户记录，当天没有与之相关的来电或订单。请说明当时查看的原因。"


def lay_honey() -> None:
    """Two records made to be found, among the first customers."""
    if not marks.marks(actor=owner_actor(), kind="honey"):
        make_honey(2, actor=owner_actor())


def be_watched(actor_of: Callable[[str], Actor]) -> None:
    """A mark, a look at a record made to be found; a case of it, told to the person, who may answer now."""
    privacy, service = actor_of("privacy"), actor_of("service")
    known = on_stage(privacy).get(_WELL_KNOWN)
    if known is not None:
        marks.mark(known, "vip", actor=privacy)
    found = marks.marks(actor=privacy, kind="honey")
    if found and not alerts.alerts(actor=privacy, kind="honey"):
        queries.show(found[0].customer, actor=service, purpose="service")
    with open_sequencer() as sequencer:
        sequencer.run_once()
    engine.look()
    for one in alerts.alerts(actor=privacy, state="open", kind="honey"):
        cases.open_case(actor=privacy, human=one.human, alerts=[one.number])
    for held in cases.cases(actor=privacy, still=True):
        if held.state == "open":
            case_steps.tell(held.number, _TOLD, actor=privacy)
