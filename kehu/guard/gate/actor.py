"""Who asks: the name of a credential, and the human behind it.

An :class:`Actor` only names rows; whether it may do anything is read from ``actor_state`` under
lock, in the statement that reads (so a revocation acts on the next one).
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Final, TypedDict
from uuid import UUID

_FLAGS: Final = 7  # of facts; place and notice stand behind them, save in what was decided before there were any
_NARROWED: Final = "only:"  # how the last of them begins, where a role of the house takes from the shipped one
# of a row of actor_state: whether its second factor was shown in the last ten minutes
SHOWN_LATELY_SQL: Final = "coalesce(second_factor_at > clock_timestamp() - interval '10 minutes', false)"
# what the gate reads of a credential as of now; the order is that of ACTOR_FACTS
ACTOR_FACTS_SQL: Final = f"""concat_ws('|', s.role, (select x.slug from guard_department x where x.id = s.department),
    s.active::int,
    coalesce(s.agreement_until > clock_timestamp(), false)::int,
    coalesce(s.training_until > clock_timestamp(), false)::int,
    {SHOWN_LATELY_SQL}::int,
    (s.revoked_at is null and coalesce(s.expires_at > clock_timestamp(), true))::int,
    coalesce(s.purpose is null or s.purpose = %(purpose)s, true)::int,
    case when s.duty_from is null then 1
        else on_duty(s.zone, s.duty_days, s.duty_from, s.duty_to, clock_timestamp())::int end, s.place,
    coalesce(s.watching_until > clock_timestamp(), false)::int,
    coalesce(s.kept_until > clock_timestamp(), false)::int, s.narrowing)"""


@dataclass(frozen=True, slots=True)
class Outside:
    """Who outside the house gets what a credential is answered, and where. ``token``: its public number.

    ``kind``: a ``processor`` acts for the house, a ``controller`` for itself, ``sale`` is a sale to it.
    """

    token: UUID
    recipient: str
    kind: str
    country: str


@dataclass(frozen=True, slots=True)
class Actor:
    """A credential in use: a sign-in, a token, or the owner of the home.

    ``credential`` is the row of ``actor_state``; ``human`` stands behind a service account; ``purpose`` is a
    token's only purpose (its slug), None where the credential is not bound to one; ``outside`` is set for a token whose
    answers leave the house; ``grant`` is the grant that the credential was made to use.
    """

    credential: UUID
    staff: UUID
    human: UUID
    role: str
    department: int
    purpose: str | None = None
    outside: Outside | None = None
    grant: UUID | None = None


class LeftByNarrowing(TypedDict):
    """What policies read of a role of the house."""

    narrowed: bool
    may_purposes: tuple[str, ...]
    may_categories: tuple[str, ...]
    may_level: int
    may_actions: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Narrowing:
    """What a role of the house leaves of its base. ``level``: the highest; ``acts``: those of its base that it still may."""

    name: str
    version: int
    purposes: tuple[str, ...]
    categories: tuple[str, ...]
    level: int
    actions: tuple[str, ...]
    acts: frozenset[str]

    @classmethod
    def parse(cls, text: str) -> Narrowing:
        """Read what ``narrowing_of`` writes (migration 0025)."""
        named, *parts = text.removeprefix(_NARROWED).split(";")
        purposes, categories, level, actions, acts = parts
        name, _, version = named.partition("@")
        return cls(
            name, int(version), _words(purposes), _words(categories), int(level), _words(actions),
            frozenset(_words(acts)),
        )  # fmt: skip

    def facts(self) -> LeftByNarrowing:
        """As policies see it."""
        return {
            "narrowed": True, "may_purposes": self.purposes, "may_categories": self.categories, "may_level": self.level,
            "may_actions": self.actions,
        }  # fmt: skip


@dataclass(frozen=True, slots=True)
class ActorFacts:
    """The facts of one credential as the checked statement saw them.

    ``place`` is the country it works from, empty where the data is kept. ``watching``: the person has acknowledged the
    notice that uses are watched. ``reviewed``: somebody looked at their access within the quarter and kept it.
    ``narrowed``: they hold a role of the house, which leaves of their role what the attributes after it say.
    """

    role: str
    department: str
    active: bool
    agreement: bool
    training: bool
    second_factor: bool
    credential_ok: bool
    scope_ok: bool
    on_duty: bool = True
    place: str = field(default="", kw_only=True)
    watching: bool = field(default=True, kw_only=True)
    reviewed: bool = field(default=True, kw_only=True)
    narrowed: bool = field(default=False, kw_only=True)
    may_purposes: tuple[str, ...] = field(default=(), kw_only=True)
    may_categories: tuple[str, ...] = field(default=(), kw_only=True)
    may_level: int = field(default=4, kw_only=True)
    may_actions: tuple[str, ...] = field(default=(), kw_only=True)

    @classmethod
    def parse(cls, text: str) -> ActorFacts:
        """Read the text that ACTOR_FACTS_SQL writes."""
        role, department, *told = text.split("|")
        left = Narrowing.parse(told.pop()) if told[-1].startswith(_NARROWED) else None
        flags, behind = told[:_FLAGS], told[_FLAGS:]
        place, watching, reviewed = (*behind, *("", "1", "1")[len(behind) :])
        held = cls(
            role,
            department,
            *[flag == "1" for flag in flags],
            place=place,
            watching=watching == "1",
            reviewed=reviewed == "1",
        )
        return held if left is None else replace(held, **left.facts())


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split(",")) if text else ()
