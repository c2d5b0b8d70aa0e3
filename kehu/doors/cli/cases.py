"""Commands on violation cases: open, freeze, tell, hear, decide, carry out, close; and one's own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from kehu.doors.cli.frame import actor, command, told

if TYPE_CHECKING:
    from uuid import UUID

    from kehu.guard.watch.cases import Case, Step

_MEASURES = ("none", "talk", "retrain", "narrowed", "post", "employment", "authority")
_TEXT = click.option("--text", required=True, help="Kept sealed; - reads standard input.")


@click.group()
def case() -> None:
    """Violation cases: the person is told and heard before a human decides."""


@case.command("open", epilog="Example: kehu case open --alert 12 --alert 14")
@click.option(
    "--alert", "alerts", multiple=True, type=int, help="By its number; may be repeated, all about one person."
)
@click.option(
    "--staff", metavar="EMAIL", help="By hand, about this person; you take no further step then but to freeze."
)
@click.option("--party", "parties", multiple=True, metavar="EMAIL", help="Who complained, or whose record it is about.")
@command()
def case_open(alerts: tuple[int, ...], staff: str | None, parties: tuple[str, ...]) -> Any:
    """Open a case, from alerts or by hand: privacy office, auditor, owner; by hand the legal office, too."""
    from kehu.guard.staff.actions import actor_of
    from kehu.guard.watch import alerts as held
    from kehu.guard.watch import cases

    if bool(alerts) == bool(staff):
        raise ValueError("open: --alert or --staff, one of them")
    who = actor()
    human = held.alert(alerts[0], actor=who).human if alerts else actor_of(staff or "").human
    made = cases.open_case(actor=who, human=human, alerts=alerts, parties=[actor_of(email).human for email in parties])
    return _cases(made)


@case.command("list", epilog="Example: kehu case list --json")
@click.option("--still", is_flag=True, help="Only those that are not closed.")
@command()
def case_list(still: bool) -> Any:
    """Cases, those that are not closed first; none about yourself."""
    from kehu.guard.watch import cases

    return _cases(*cases.cases(actor=actor(), still=True if still else None))


@case.command("show", epilog="Example: kehu case show 3")
@click.argument("number", type=int)
@command()
def case_show(number: int) -> Any:
    """One case with every step and its words; reading them is a row of the ledger."""
    from kehu.guard.watch import case_steps, cases

    who = actor()
    held = cases.case_of(number, actor=who)
    steps = [_step(one) for one in cases.timeline(number, actor=who)]
    return _cases(held) | {"steps": steps, "next": list(case_steps.steps_open(held, who))}


@case.command("join", epilog="Example: kehu case join 3 --alert 15")
@click.argument("number", type=int)
@click.option("--alert", required=True, type=int)
@command()
def case_join(number: int, alert: int) -> Any:
    """Take another alert about the same person in; they are told of it before anybody decides."""
    from kehu.guard.watch import case_steps

    return _cases(case_steps.join(number, alert, actor=actor()))


@case.command("freeze", epilog="Example: kehu case freeze 3")
@click.argument("number", type=int)
@command()
def case_freeze(number: int) -> Any:
    """End every window and token of the person now; nobody signs in until it is ended."""
    from kehu.guard.watch import case_steps

    return _cases(case_steps.freeze(number, actor=actor()))


@case.command("unfreeze", epilog="Example: kehu case unfreeze 3")
@click.argument("number", type=int)
@command()
def case_unfreeze(number: int) -> Any:
    """Let the person sign in again."""
    from kehu.guard.watch import case_steps

    return _cases(case_steps.unfreeze(number, actor=actor()))


@case.command("tell", epilog="Example: kehu case tell 3 --text -")
@click.argument("number", type=int)
@_TEXT
@command()
def case_tell(number: int, text: str) -> Any:
    """Tell the person what they are accused of; they see the counts and times, and have five days to answer."""
    from kehu.guard.watch import case_steps

    return _cases(case_steps.tell(number, told(text), actor=actor()))


@case.command("link", epilog="Example: kehu case link 3")
@click.argument("number", type=int)
@command()
def case_link(number: int) -> Any:
    """A link for a person who cannot sign in: shown once, for you to hand over; takes one answer within 14 days."""
    from kehu.guard.watch import case_own

    secret, until = case_own.make_link(number, actor=actor())
    return {"path": f"/watch/answer/{secret}", "until": until.isoformat()}


@case.command("heard", epilog="Example: kehu case heard 3 --way in-person --text -")
@click.argument("number", type=int)
@click.option("--way", required=True, type=click.Choice(["in-person", "in-writing", "silent"]))
@_TEXT
@command()
def case_heard(number: int, way: str, text: str) -> Any:
    """Record that the person was heard; silent only once their five days are over."""
    from kehu.guard.watch import case_steps

    return _cases(case_steps.hear(number, told(text), way, actor=actor()))


@case.command(
    "decide", epilog="Example: kehu case decide 3 --finding violation --measure talk --measure retrain --text -"
)
@click.argument("number", type=int)
@click.option("--finding", required=True, type=click.Choice(["unfounded", "violation"]))
@click.option("--measure", "measures", required=True, multiple=True, type=click.Choice(_MEASURES))
@_TEXT
@command()
def case_decide(number: int, finding: str, measures: tuple[str, ...], text: str) -> Any:
    """Decide, with reasons that the person reads: never the person, nor a party; post, employment and authority wait for
    a second person."""
    from kehu.guard.watch import case_steps

    return _cases(case_steps.decide(number, finding, measures, told(text), actor=actor()))


@case.command("confirm", epilog="Example: kehu case confirm 3")
@click.argument("number", type=int)
@command()
def case_confirm(number: int) -> Any:
    """Let heavy measures be, as another person than who decided."""
    from kehu.guard.watch import case_steps

    return _cases(case_steps.confirm(number, actor=actor()))


@case.command("send-back", epilog="Example: kehu case send-back 3 --text -")
@click.argument("number", type=int)
@_TEXT
@command()
def case_send_back(number: int, text: str) -> Any:
    """Do not let them be: it is decided anew."""
    from kehu.guard.watch import case_steps

    return _cases(case_steps.send_back(number, told(text), actor=actor()))


@case.command("measure", epilog="Example: kehu case measure 3")
@click.argument("number", type=int)
@click.option("--text", default="", help="How it was done; kept sealed; - reads standard input.")
@command()
def case_measure(number: int, text: str) -> Any:
    """Record that the measures were carried out."""
    from kehu.guard.watch import case_steps

    return _cases(case_steps.carry_out(number, told(text) if text else "", actor=actor()))


@case.command("close", epilog="Example: kehu case close 3")
@click.argument("number", type=int)
@command()
def case_close(number: int) -> Any:
    """Close it: deleted half a year after it proved unfounded, three years after a violation."""
    from kehu.guard.watch import case_steps

    return _cases(case_steps.close(number, actor=actor()))


@case.command("incident", epilog="Example: kehu case incident 3 --text -")
@click.argument("number", type=int)
@_TEXT
@command()
def case_incident(number: int, text: str) -> Any:
    """Personal data was breached: open an incident in the register; its clocks begin now."""
    from kehu.serve.rights.incidents.watched import open_incident_of

    return _cases(open_incident_of(number, told(text), actor=actor()))


@case.command("own", epilog="Example: KEHU_TOKEN=… kehu case own 3")
@click.argument("number", type=int, required=False)
@command()
def case_own(number: int | None) -> Any:
    """Cases about yourself that you were told of; with NUMBER one of them, with what was said and counted."""
    from kehu.guard.watch import case_own as own

    who = actor()
    if number is None:
        return {"cases": [_mine(one) for one in own.own_cases(actor=who)]}
    found = own.own_case(number, actor=who)
    return {"cases": [_mine(found.held)], "steps": [_step(one, by=False) for one in found.steps]}


@case.command("answer", epilog="Example: KEHU_TOKEN=… kehu case answer 3 --text -")
@click.argument("number", type=int)
@_TEXT
@command()
def case_answer(number: int, text: str) -> Any:
    """Say something to a case about yourself, until it is closed."""
    from kehu.guard.watch import case_own as own

    return {"cases": [_mine(own.answer(number, told(text), actor=actor()))]}


def _cases(*found: Case) -> dict[str, Any]:
    return {
        "cases": [
            {
                "number": one.number, "email": one.email, "department": one.department, "state": one.state,
                "opened_at": one.opened_at.isoformat(), "frozen": one.frozen_at is not None,
                "answer_by": one.answer_by.isoformat() if one.answer_by else None, "finding": one.finding,
                "measures": list(one.measures), "alerts": len(one.alerts), "incident": _text(one.incident),
                "keep_until": one.keep_until.isoformat() if one.keep_until else None,
            }
            for one in found
        ]
    }  # fmt: skip


def _mine(one: Case) -> dict[str, Any]:
    """Until it is in force, what was found is not the person's yet."""
    final = one.state in ("decided", "measured", "closed")
    return {
        "number": one.number, "state": "heard" if one.state == "proposed" else one.state,
        "told_at": one.told_at.isoformat() if one.told_at else None,
        "answer_by": one.answer_by.isoformat() if one.answer_by else None, "frozen": one.frozen_at is not None,
        "finding": one.finding if final else None, "measures": list(one.measures) if final else [],
    }  # fmt: skip


def _step(one: Step, *, by: bool = True) -> dict[str, Any]:
    said = {
        "step": one.step, "at": one.at.isoformat(), "way": one.way, "finding": one.finding,
        "measures": list(one.measures), "note": one.note,
    }  # fmt: skip
    return said | ({"by": one.by} if by else {})


def _text(id: UUID | None) -> str | None:
    return str(id) if id else None
