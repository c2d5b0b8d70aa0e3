"""Writes of the register of traits: declare, put in force, hand over, retire. Each stands in the ledger."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Final
from uuid import UUID

from django.db import IntegrityError, connection, transaction

from kehu.govern.slugs import PURPOSES, name_of
from kehu.guard.gate.actor import Actor
from kehu.guard.gate.acts import require_act
from kehu.guard.gate.standing import require_standing
from kehu.guard.installation import installation
from kehu.guard.ledger.record import record_act
from kehu.guard.staff.actions import UnknownStaff
from kehu.guard.staff.models import Staff
from kehu.refine.derive.askers import may_answer_for
from kehu.refine.derive.checking import Compiled
from kehu.refine.derive.definition import Definition, shipped
from kehu.refine.derive.faults import Fault, UnknownTrait
from kehu.refine.derive.models import IN_FORCE, RETIRED, WAITING, Trait, TraitVersion
from kehu.refine.derive.register import definition_of, in_force
from kehu.refine.derive.runs import drop_purpose
from kehu.vault.ids import new_id

_LONGEST_REASON: Final = 400


def check(definition: Definition) -> Compiled:
    """What would be computed for a declaration.

    Raises:
        Fault: it may not come into force, with place and remedy.
    """
    others = {slug: (one.definition, one.compiled) for slug, one in in_force().items()}
    return definition.checked(installation().rules.purposes, others)


def declare(definition: Definition, *, owner: str, deputy: str, actor: Actor, reason: str = "") -> TraitVersion:
    """Put a trait, or a new version of one, in force; ``owner`` and ``deputy`` by email.

    It is computed with the next run.

    Raises:
        ActRefused: the role may not.
        Fault: it may not come into force.
        UnknownStaff: nobody of that email works here.
    """
    require_act("declare-trait", actor)
    require_standing(actor)
    made = check(definition)
    people = _people(owner, deputy, definition.purpose, made.fields)
    with transaction.atomic():
        trait = Trait.objects.select_for_update().filter(slug=definition.slug).first()
        if trait is not None and trait.purpose != PURPOSES[definition.purpose]:
            raise Fault("fixed", "", "")
        row = _version(definition, made, trait, actor, reason)
        trait = row.trait
        _keep_those_that_need(definition, trait)
        trait.state, trait.version, trait.sensitive = IN_FORCE, row.version, definition.sensitive
        trait.owner, trait.deputy, trait.cuts = people[0], people[1], {}
        trait.save()
        record_act("declare-trait", None, actor=actor, purpose=trait.purpose, detail=row.id)
    return row


def put_shipped_in_force(*, owners: Mapping[str, tuple[str, str]], actor: Actor) -> int:
    """Put the shipped traits of some purposes in force that are not yet: by purpose (owner, deputy); returns how many.

    Raises:
        as :func:`declare`.
    """
    wanted = [one for one in not_taken_over()[0] if one.purpose in owners]
    for one in wanted:
        owner, deputy = owners[one.purpose]
        declare(one, owner=owner, deputy=deputy, actor=actor)
    return len(wanted)


def not_taken_over(purpose: str | None = None) -> tuple[list[Definition], dict[str, str]]:
    """What ships (for one purpose) and nobody has taken over yet; and how the others stand, by slug.

    Those are ``in-force`` as they ship, ``changed`` by the office, or ``retired``: what somebody decided of them stands.
    """
    rows = {row.slug: row for row in Trait.objects.all()}
    latest = {(one.trait_id, one.version): one for one in TraitVersion.objects.filter(trait_id__in=list(rows))}
    new, held = list[Definition](), dict[str, str]()
    for slug, one in shipped().items():
        row = rows.get(slug)
        if purpose not in (None, one.purpose):
            continue
        if row is None:
            new.append(one)
        elif row.state == RETIRED:
            held[slug] = RETIRED
        else:
            held[slug] = IN_FORCE if definition_of(latest[slug, row.version], row) == one else "changed"
    return new, held


def hand_over(slug: str, *, owner: str, deputy: str, actor: Actor) -> None:
    """Name other people for a trait: whoever may declare, or its owner.

    Raises:
        ActRefused, UnknownStaff, UnknownTrait, Fault: see there.
    """
    trait = Trait.objects.filter(slug=slug).first()
    if trait is None:
        raise UnknownTrait(slug)
    if trait.owner != actor.human:
        require_act("declare-trait", actor)
    inputs = trait.versions.get(version=trait.version).inputs
    people = _people(owner, deputy, name_of(PURPOSES, trait.purpose), inputs)
    with transaction.atomic():
        Trait.objects.filter(slug=slug).update(owner=people[0], deputy=people[1])
        record_act("declare-trait", None, actor=actor, purpose=trait.purpose)


def retire(slug: str, *, actor: Actor) -> None:
    """Take a trait out of force; what was kept for it goes in the same transaction.

    Raises:
        ActRefused: the role may not.
        UnknownTrait: none of that name is in force.
        Fault: others are made of it.
    """
    require_act("retire-trait", actor)
    with transaction.atomic():
        trait = Trait.objects.select_for_update().filter(slug=slug, state=IN_FORCE).first()
        if trait is None:
            raise UnknownTrait(slug)
        held = in_force()
        if needing := sorted(one for one, other in held.items() if slug in other.compiled.needs):
            raise Fault("used", "", ", ".join(needing))
        trait.state = RETIRED
        trait.save()
        _forget(trait, held[slug].compiled if slug in held else None)
        record_act("retire-trait", None, actor=actor, purpose=trait.purpose)


def _version(definition: Definition, made: Compiled, trait: Trait | None, actor: Actor, reason: str) -> TraitVersion:
    if trait is None:
        try:
            trait = Trait.objects.create(
                slug=definition.slug,
                state=WAITING,
                purpose=PURPOSES[definition.purpose],
                sensitive=definition.sensitive,
            )
        except IntegrityError:
            raise Fault("slug", "", "") from None
    last = trait.versions.order_by("-version").values_list("version", flat=True).first() or 0
    return TraitVersion.objects.create(
        id=new_id(), trait=trait, version=last + 1, labels=dict(definition.labels),
        descriptions=dict(definition.descriptions), level=definition.level, language=definition.language,
        source=definition.source, expression=definition.expression, inputs=sorted(made.fields),
        needs=sorted(made.needs), bands=list(definition.bands), unit=definition.unit,
        retention_days=definition.retention_days, by=actor.human, reason=reason[:_LONGEST_REASON],
    )  # fmt: skip


def _keep_those_that_need(definition: Definition, trait: Trait) -> None:
    """A trait that others are made of stays what they take it for: of one sensitivity, and its own ancestor never."""
    held = in_force()
    needing = [slug for slug, one in held.items() if definition.slug in one.compiled.needs]
    if needing and trait.sensitive != definition.sensitive:
        raise Fault("used", "", ", ".join(needing))
    changed = definition.checked(
        installation().rules.purposes, {slug: (one.definition, one.compiled) for slug, one in held.items()}
    )
    above, reach = set(changed.needs), list(changed.needs)
    while reach:
        for slug in held[reach.pop()].compiled.needs - above:
            above.add(slug)
            reach.append(slug)
    if definition.slug in above:
        raise Fault("used", "", definition.slug)
    others = {slug: (one.definition, one.compiled) for slug, one in held.items() if slug not in needing}
    others[definition.slug] = (definition, changed)
    for slug in needing:  # they must still bear the new version
        held[slug].definition.checked(
            installation().rules.purposes, others | {one: (held[one].definition, held[one].compiled) for one in needing}
        )


def _forget(trait: Trait, made: Compiled | None) -> None:
    """Take out of what is kept whatever no other trait in force is made of."""
    left = [
        one
        for one in in_force().values()
        if (PURPOSES[one.definition.purpose], one.definition.sensitive) == (trait.purpose, trait.sensitive)
    ]
    if not left:
        drop_purpose(name_of(PURPOSES, trait.purpose), sensitive=trait.sensitive)
        return
    with connection.cursor() as cursor:
        cursor.execute(
            'update derive_value set "values" = "values" - %s where purpose = %s and sensitive = %s',
            [trait.slug, trait.purpose, trait.sensitive],
        )
        if made is None or made.heap is None:
            return
        used = {(one.compiled.heap.id, slot.id) for one in left if one.compiled.heap for slot in one.compiled.slots}
        if not any(heap == made.heap.id for heap, _ in used):
            cursor.execute(
                "update derive_state set state = state - %s where purpose = %s and sensitive = %s",
                [made.heap.id, trait.purpose, trait.sensitive],
            )


def _people(owner: str, deputy: str, purpose: str, fields: Collection[str]) -> tuple[UUID, UUID]:
    """The two who answer for a trait: it is computed in their name, so each must be of a post that may ask for it."""
    first, second = _person(owner), _person(deputy)
    if first is None or second is None or first == second:
        raise Fault("owners", "", "")
    for email, person in ((owner, first), (deputy, second)):
        if not may_answer_for(person, purpose, fields):
            raise Fault("owner-role", "", email.strip())
    return first, second


def _person(email: str) -> UUID | None:
    if not email.strip():
        return None
    found = Staff.objects.filter(email__iexact=email.strip(), is_active=True).values_list("id", flat=True).first()
    if found is None:
        raise UnknownStaff(email)
    return UUID(str(found))
