"""Commands on what an authority demands: registered, let by a second office, handed over through the gate."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import UUID

import click

from kehu.doors.cli.frame import MOMENT, actor, actor_as, command, language, subject_id

if TYPE_CHECKING:
    from kehu.serve.leaving.demands import Demand

_DOCUMENT = click.Path(exists=True, dir_okay=False, path_type=Path)
_TO = click.option(
    "--to", required=True, type=click.Path(dir_okay=False, path_type=Path), help="The sealed file to write."
)


@click.group()
def authority() -> None:
    """What a court, the police or another authority demands about customers, with its document."""


@authority.command(
    "ask",
    epilog="Example: kehu authority ask 0199… --authority 'Landgericht Köln' --country DE --provision '§ 95 StPO'"
    " --reference '12 Js 7/26' --fields full_name,address --document order.pdf",
)
@click.argument("customers", nargs=-1, required=True)
@click.option("--authority", "name", required=True, help="Which one.")
@click.option("--country", required=True, metavar="CC", help="Of which country it is.")
@click.option("--provision", required=True, help="The law that its document cites.")
@click.option("--reference", required=True, help="Its file number; no names.")
@click.option("--fields", required=True, help="What the document asks for, and no more.")
@click.option("--document", required=True, type=_DOCUMENT, help="Its document; kept sealed.")
@click.option("--silent-until", type=MOMENT, help="It forbids to tell the customers: until then, within a year.")
@command()
def ask(
    customers: tuple[str, ...], name: str, country: str, provision: str, reference: str, fields: str, document: Path,
    silent_until: datetime | None,
) -> Any:  # fmt: skip
    """Register a demand about CUSTOMERS, as the legal office. The privacy office lets it, or not."""
    from kehu.serve.leaving import demands

    asked = demands.Asked(
        name, country, provision, reference, tuple(one.strip() for one in fields.split(",") if one.strip()),
        tuple(subject_id(one) for one in customers), silent_until,
    )  # fmt: skip
    who = actor_as(demands.PURPOSE, "give")
    return {"demands": [_told(demands.register_demand(asked, document.read_bytes(), actor=who))]}


@authority.command(
    "approval",
    epilog="Example: kehu authority approval 0199… --law CN --reference '司协字〔2026〕12号' --document approval.pdf",
)
@click.argument("id", type=click.UUID)
@click.option(
    "--law", required=True, type=click.Choice(["CN", "EU"]), help="PIPL 41: an approval. GDPR 48: an agreement."
)
@click.option("--reference", required=True, help="Its number, or the agreement's name.")
@click.option("--document", type=_DOCUMENT, help="Kept sealed.")
@command()
def approval(id: UUID, law: str, reference: str, document: Path | None) -> Any:
    """Record what lets a demand from abroad be met, before the privacy office decides."""
    from kehu.serve.leaving import demands

    who, proof = actor_as(demands.PURPOSE, "give"), document.read_bytes() if document else None
    return {"demands": [_told(demands.approve_abroad(id, law, reference=reference, document=proof, actor=who))]}


@authority.command("list", epilog="Example: kehu authority list")
@command()
def list_() -> Any:
    """Every demand, newest first."""
    from kehu.serve.leaving import demands

    return {"demands": [_told(one) for one in demands.demands(actor=actor(), everything=True)]}


@authority.command("approve", epilog="Example: kehu authority approve 0199…")
@click.argument("id", type=click.UUID)
@command()
def approve(id: UUID) -> Any:
    """Let it, its silence included: as the privacy office. Good for a week."""
    from kehu.serve.leaving import demands

    return {"demands": [_told(demands.decide(id, actor=actor(), approve=True))]}


@authority.command("refuse", epilog="Example: kehu authority refuse 0199…")
@click.argument("id", type=click.UUID)
@command()
def refuse(id: UUID) -> Any:
    """Refuse it, as the privacy office."""
    from kehu.serve.leaving import demands

    return {"demands": [_told(demands.decide(id, actor=actor(), approve=False))]}


@authority.command("run", epilog="Example: kehu authority run 0199… --to answer.age --key age1…")
@click.argument("id", type=click.UUID)
@_TO
@click.option("--key", help="The authority's public age key; without one a passphrase is made.")
@command()
def run(id: UUID, to: Path, key: str | None) -> Any:
    """Write what it demands, once: each customer decided and recorded before it is opened, and sealed.

    Whoever has a second factor shows it within ten minutes before: `kehu token issue --code`.
    """
    from kehu.serve.leaving import demands, handing

    made = handing.hand_over(id, actor=actor_as(demands.PURPOSE, "give"), to=to, key=key)
    return {
        "file": str(made.file), "sha256": made.sha256, "rows": made.rows, "kept_back": made.kept_back,
        "reasons": {policy: _why(policy) for policy in made.kept_back}, "passphrase": made.passphrase,
    }  # fmt: skip


@authority.command("document", epilog="Example: kehu authority document 0199… --to order.age --key age1…")
@click.argument("id", type=click.UUID)
@_TO
@click.option("--key", required=True, help="Your own public age key.")
@click.option("--law", type=click.Choice(["CN", "EU"]), help="What this law's approval rests on, instead.")
@command()
def document(id: UUID, to: Path, key: str, law: str | None) -> Any:
    """Write the authority's document, sealed to a key; that it was opened stands in the ledger."""
    from kehu.serve.leaving import demands, handing

    who = actor_as(demands.PURPOSE, "read")
    return {"file": str(handing.seal_to(demands.document_of(id, actor=who, law=law), to, key))}


def _why(policy: str) -> dict[str, str]:
    from kehu.guard.installation import installation

    text = installation().rules.policies.text(policy, language())
    return {"article": text.article, "reason": text.reason, "remedy": text.remedy}


def _told(held: Demand) -> dict[str, Any]:
    return {
        "id": str(held.id),
        "state": held.state,
        "authority": held.authority,
        "country": held.country,
        "provision": held.provision,
        "reference": held.reference,
        "fields": list(held.fields),
        "customers": held.customers,
        "subjects": [str(one) for one in held.subjects],
        "approvals": [{"law": one.law, "reference": one.reference} for one in held.approvals],
        "silent": str(held.silent) if held.silent else None,
        "asked_at": held.asked_at.isoformat(),
        "rows": held.rows,
        "sha256": held.sha256.hex() if held.sha256 else None,
    }
