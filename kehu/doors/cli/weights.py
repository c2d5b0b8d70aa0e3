"""Commands on the weights of linkage: which versions there are, what one would change, and putting it in force."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import UUID

import click

from kehu.doors.cli.frame import actor, command

if TYPE_CHECKING:
    from kehu.refine.models import Weights


@click.group()
def weights() -> None:
    """Versions of the weights by which linkage tells one customer from two; one is in force for each house and kind."""


@weights.command("list", epilog="Example: kehu weights list")
@command()
def weights_list() -> Any:
    """Every version, the newest first."""
    from kehu.guard.gate.acts import require_act
    from kehu.refine.resolve.weights import versions

    require_act("weights", actor())
    return {"weights": [_row(one) for one in versions()]}


@weights.command("show", epilog="Example: kehu weights show 0199…")
@click.argument("version")
@command()
def weights_show(version: str) -> Any:
    """One version: what it learned, and how it differs from the one in force, as far as it was compared."""
    from kehu.guard.gate.acts import require_act
    from kehu.refine.resolve.weights import version_of

    require_act("weights", actor())
    return _whole(version_of(_id(version)))


@weights.command("compare", epilog="Example: kehu weights compare 0199…")
@click.argument("version")
@command()
def weights_compare(version: str) -> Any:
    """Link up to 20,000 customers in memory by this version and by the one in force, and tell what changes sides."""
    from kehu.refine.resolve.weighing import compare

    return _whole(compare(_id(version), actor=actor()))


@weights.command("adopt", epilog="Example: kehu weights adopt 0199…")
@click.argument("version")
@command()
def weights_adopt(version: str) -> Any:
    """Put a version in force that was compared with the one in force now."""
    from kehu.refine.resolve.weights import put_in_force

    return _whole(put_in_force(_id(version), actor=actor()))


@weights.command("teach", epilog="Example: kehu weights teach 1:person")
@click.argument("group")
@command()
def weights_teach(group: str) -> Any:
    """Make a candidate of the version in force and of what reviewers answered; GROUP is a house's number and a kind."""
    from kehu.refine.resolve.weights import UnknownWeights, group_named, teach

    named = group_named(group)
    if named is None:
        raise UnknownWeights(group)
    return _whole(teach(named, actor=actor()))


def _row(one: Weights) -> dict[str, Any]:
    return {
        "id": str(one.id), "group": f"{one.controller}:{one.kind}", "number": one.number, "state": one.state,
        "origin": one.origin, "labels": one.labels, "made_at": one.made_at.isoformat(),
        "in_force_at": one.in_force_at.isoformat() if one.in_force_at else None,
        "changed": one.compared["changed"] if one.compared else None,
    }  # fmt: skip


def _whole(one: Weights) -> dict[str, Any]:
    return _row(one) | {
        "prior": one.content["prior"],
        "learned": sorted(one.content["levels"]),
        "compared": one.compared,
    }


def _id(text: str) -> UUID:
    from kehu.refine.resolve.weights import UnknownWeights

    try:
        return UUID(text)
    except ValueError:
        raise UnknownWeights(text) from None
