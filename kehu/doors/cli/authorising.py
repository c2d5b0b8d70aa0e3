"""Commands on what customers allow: consents to use their data, and subscriptions to be written to."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar
from uuid import UUID

import click

from kehu.doors.cli.frame import MOMENT, actor, command, subject_id, told
from kehu.host.home import require_new, write_new

if TYPE_CHECKING:
    from kehu.govern.separate import Terms
    from kehu.serve.rights.consents.evidence import Evidence

F = TypeVar("F", bound=Callable[..., Any])
_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


def purpose_number(slug: str) -> int:
    """A purpose by its slug.

    Raises:
        ValueError: there is none.
    """
    from kehu.govern.slugs import PURPOSES

    if slug not in PURPOSES:
        raise ValueError(f"purpose: one of {', '.join(PURPOSES)}")
    return PURPOSES[slug]


def _separate(function: F) -> F:
    """The options that make a consent a separate one."""
    for option in (
        click.option("--fields", help="A separate one: these fields alone, with commas between them."),
        click.option("--country", help="A separate one: to this country (two capitals)."),
        click.option("--recipient", help="A separate one: to this company alone."),
        click.option("--event", help="A separate one, to: sensitive, provide, publish, abroad or public-space."),
    ):
        function = option(function)
    return function


def _proved(function: F) -> F:
    """The options that keep a proof."""
    for option in (
        click.option("--reference", default="", help="Where the paper lies; kept sealed; - reads standard input."),
        click.option("--proof", default="", help="What was seen: paper-form recording email id-document …"),
        click.option("--evidence", type=_FILE, help="A scan or a recording, kept sealed."),
    ):
        function = option(function)
    return function


def _terms(event: str | None, recipient: str | None, country: str | None, fields: str | None) -> Terms | None:
    from kehu.govern.separate import Terms

    if event is None:
        if recipient or country or fields:
            raise ValueError("event: a separate consent says what it is to")
        return None
    named = tuple(name.strip() for name in fields.split(",") if name.strip()) if fields is not None else None
    return Terms(event, recipient or "", country or "", named)


def _evidence(file: Path | None, proof: str, reference: str, guardian: str = "") -> Evidence:
    from kehu.serve.rights.consents.evidence import Evidence

    content = file.read_bytes() if file else None
    return Evidence(proof, content, told(reference), told(guardian))


@click.group()
def consent() -> None:
    """Authorisations of a customer."""


@consent.command("give", epilog="Example: kehu consent give 0199… marketing")
@click.argument("subject")
@click.argument("purpose")
@click.option("--kind", type=click.Choice(["general", "specific", "temporary"]), default="general")
@click.option("--until", type=MOMENT, help="Its end; a temporary one needs it.")
@click.option("--notice", help="Its wording, as NAME or NAME@VERSION; else the notice in force.")
@_proved
@_separate
@click.option("--by", "by_subject", help="The guardian who consents, where they are a customer, too.")
@click.option("--guardian", default="", help="What the guardian is: parent guardian foster-parent court-appointed.")
@click.option("--guardian-name", default="", help="Who they are; kept sealed; - reads it from standard input.")
@click.option("--answers", type=click.UUID, help="The request (`consent ask`) that this answers.")
@command()
def consent_give(
    subject: str,
    purpose: str,
    kind: str,
    until: datetime | None,
    notice: str | None,
    evidence: Path | None,
    proof: str,
    reference: str,
    event: str | None,
    recipient: str | None,
    country: str | None,
    fields: str | None,
    by_subject: str | None,
    guardian: str,
    guardian_name: str,
    answers: UUID | None,
) -> Any:
    """Record a consent given now, under the notice in force; with --event a separate one, to that alone."""
    from kehu.serve.rights.consents import actions

    given = actions.give(
        subject_id(subject), purpose_number(purpose), actor=actor(), kind=kind, until=until, notice=notice,
        by_subject=subject_id(by_subject) if by_subject else None,
        evidence=_evidence(evidence, proof, reference, guardian_name),
        terms=_terms(event, recipient, country, fields), guardian=guardian, follows=answers,
    )  # fmt: skip
    return {"consents": given}


@consent.command("withdraw", epilog="Example: kehu consent withdraw 0199… marketing")
@click.argument("subject")
@click.argument("purpose")
@click.option("--only", type=click.UUID, metavar="CONSENT", help="This separate one alone; else all of the purpose.")
@command()
def consent_withdraw(subject: str, purpose: str, only: UUID | None) -> Any:
    """Take a consent back; it acts on the next read. Lists what rested on it alone."""
    from kehu.serve.rights.consents import actions
    from kehu.serve.rights.erasing.rested import rested

    taken = actions.withdraw(subject_id(subject), purpose_number(purpose), actor=actor(), only=only)
    return {"consents": taken, "rested": rested(subject_id(subject))}


@consent.command("ask", epilog="Example: kehu consent ask 0199… service --event provide --recipient 'Fair Freight Ltd'")
@click.argument("subject")
@click.argument("purpose")
@_separate
@command()
def consent_ask(
    subject: str, purpose: str, event: str | None, recipient: str | None, country: str | None, fields: str | None
) -> Any:
    """Ask the customer, at their own door; it permits nothing until they answer."""
    from kehu.serve.rights.consents import actions

    terms = _terms(event, recipient, country, fields)
    return {"consents": actions.ask(subject_id(subject), purpose_number(purpose), actor=actor(), terms=terms)}


@consent.command("refuse", epilog="Example: kehu consent refuse 0199… marketing")
@click.argument("subject")
@click.argument("purpose")
@_separate
@click.option("--answers", type=click.UUID, help="The request (`consent ask`) that this answers.")
@command()
def consent_refuse(
    subject: str,
    purpose: str,
    event: str | None,
    recipient: str | None,
    country: str | None,
    fields: str | None,
    answers: UUID | None,
) -> Any:
    """Record that the customer said no; it acts on the next read."""
    from kehu.serve.rights.consents import actions

    terms = _terms(event, recipient, country, fields)
    said = actions.refuse(subject_id(subject), purpose_number(purpose), actor=actor(), terms=terms, follows=answers)
    return {"consents": said}


@consent.command("invalidate", epilog="Example: kehu consent invalidate 0199…")
@click.argument("consent_id", metavar="CONSENT", type=click.UUID)
@command()
def consent_invalidate(consent_id: UUID) -> Any:
    """Find that a consent never was one: pre-ticked, bundled, a condition of service. The office does."""
    from kehu.serve.rights.consents import actions

    return {"consents": actions.invalidate(consent_id, actor=actor())}


@consent.command("list", epilog="Example: kehu consent list 0199…")
@click.argument("subject")
@command()
def consent_list(subject: str) -> Any:
    """Everything the customer said, and its state in the words of the W3C Data Privacy Vocabulary."""
    from kehu.serve.rights.consents import actions

    return {"consents": actions.list_consents(subject_id(subject), actor=actor())}


@consent.command("receipt", epilog="Example: kehu consent receipt 0199… --json > receipt.json")
@click.argument("consent_id", metavar="CONSENT", type=click.UUID)
@command()
def consent_receipt(consent_id: UUID) -> Any:
    """The receipt of one statement (`id` of `consent list`): what was agreed, what became of it, how often it was used.

    With `--json` it is JSON-LD after ISO/IEC TS 27560 in the words of the W3C Data Privacy Vocabulary.
    """
    from kehu.serve.rights.consents.receipts import receipt

    return receipt(consent_id, actor=actor())


@consent.command("evidence", epilog="Example: kehu consent evidence 0199… --to form.pdf")
@click.argument("consent_id", metavar="CONSENT", type=click.UUID)
@click.option("--to", type=click.Path(dir_okay=False, path_type=Path), help="Write what was kept to a new file.")
@click.option("--compare", type=_FILE, help="Say whether this file is what was kept.")
@command()
def consent_evidence(consent_id: UUID, to: Path | None, compare: Path | None) -> Any:
    """Open what proves a consent: its kind, where the paper lies, the digest of the scan. The look is recorded."""
    from kehu.serve.rights.consents.evidence import open_evidence

    if to is not None:
        require_new(to)
    held = open_evidence(consent_id, actor=actor())
    content = held.pop("content")
    answer = dict(held)
    if compare is not None:
        answer["same"] = hashlib.sha256(compare.read_bytes()).hexdigest() == held["sha256"]
    if to is not None and content is not None:
        write_new(to, base64.b64decode(content))
        answer["file"] = str(to)
    return answer


@click.group()
def subscriptions() -> None:
    """By which medium and on what a customer may be written to, apart from what their data may serve."""


@subscriptions.command("list", epilog="Example: kehu subscriptions list 0199…")
@click.argument("subject")
@command()
def subscriptions_list(subject: str) -> Any:
    """What counts now, and everything the customer said."""
    from kehu.serve.rights.consents.channels import list_subscriptions

    return list_subscriptions(subject_id(subject), actor=actor())


@subscriptions.command("set", epilog="Example: kehu subscriptions set 0199… email newsletter subscribed")
@click.argument("subject")
@click.argument("medium")
@click.argument("topic")
@click.argument("status", type=click.Choice(["subscribed", "unsubscribed", "suppressed"]))
@click.option(
    "--ground", type=click.Choice(["consent", "existing", "none"]), help="Of a subscription. Default consent."
)
@_proved
@command()
def subscriptions_set(
    subject: str,
    medium: str,
    topic: str,
    status: str,
    ground: str | None,
    evidence: Path | None,
    proof: str,
    reference: str,
) -> Any:
    """Record what the customer said of one medium (email sms phone post wechat) and topic; acts on the next message."""
    from kehu.serve.rights.consents.channels import set_subscription

    kept = _evidence(evidence, proof, reference)
    found = set_subscription(
        subject_id(subject), medium, topic, status, actor=actor(), ground=ground or "", evidence=kept
    )
    return {"subscriptions": found}


@subscriptions.command("topics", epilog="Example: kehu subscriptions topics")
@command(starts=False)
def subscriptions_topics() -> Any:
    """The topics and media there are."""
    from kehu.doors.cli.frame import language
    from kehu.govern.slugs import MEDIA
    from kehu.govern.topics import load_topics

    rows = [
        {
            "topic": one.slug,
            "kind": one.kind,
            "label": one.label(language()),
            "description": one.description(language()),
        }
        for one in load_topics().values()
    ]
    return {"topics": rows, "media": list(MEDIA)}
