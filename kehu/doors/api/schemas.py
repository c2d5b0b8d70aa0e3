"""What goes in and out, as OpenAPI shows it. Input is bounded and strict; its values are never shown in an error."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from ninja import Schema
from pydantic import AfterValidator, AwareDatetime, ConfigDict, Field, StringConstraints

from kehu.govern.slugs import PURPOSES


def _readable(value: str) -> str:
    if not value.isprintable():
        raise ValueError("control characters")
    return value


def _in_utc(moment: datetime) -> datetime:
    try:
        return moment.astimezone(UTC)
    except OverflowError:  # there it would be of no year that is known
        raise ValueError("out of range") from None


Moment = Annotated[AwareDatetime, AfterValidator(_in_utc)]
Name = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,39}$")]
Value = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=500), AfterValidator(_readable)
]
Purpose = Annotated[str, Field(json_schema_extra={"enum": list(PURPOSES)}), StringConstraints(max_length=40)]
NoticeName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9._-]{1,60}(@[0-9]{1,4})?$")]


class Asked(Schema):
    """Anything a caller sends."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)


class FindAsked(Asked):
    """Exact values by field; every one must match."""

    criteria: dict[Name, Value] = Field(min_length=1, max_length=8, examples=[{"email": "lin@mail.example"}])
    purpose: Purpose | None = None
    after: UUID | None = Field(default=None, description="`next` of the page before.")


class MatchAsked(Asked):
    """What a caller says of themselves."""

    field: Name = Field(examples=["birth_date"])
    said: Value = Field(examples=["1990-03-14"])
    purpose: Purpose | None = None


class Terms(Asked):
    """What a separate consent is to: its event, and as far as that wants it recipient, country, fields."""

    event: Literal["sensitive", "provide", "publish", "abroad", "public-space"]
    recipient: Annotated[str, StringConstraints(max_length=120)] = ""
    country: Annotated[str, StringConstraints(max_length=2)] = ""
    fields: list[Annotated[str, StringConstraints(max_length=60)]] | None = Field(None, max_length=100)


class ConsentAsked(Asked):
    """A consent given now, under the notice in force; under one that is named, to what that notice told of the purpose."""

    purpose: Purpose
    kind: Literal["general", "specific", "temporary"] = "general"
    until: Moment | None = None
    notice: NoticeName | None = None
    by: UUID | None = Field(None, description="The guardian who consents.")
    separate: Terms | None = Field(None, description="A separate consent, to these alone.")


class WithdrawalAsked(Asked):
    """The purpose whose consent is taken back."""

    purpose: Purpose
    only: UUID | None = Field(None, description="The separate one that alone is taken back.")


class VerifyAsked(Asked):
    """A checkpoint that the caller kept, as `ledger/checkpoint` answered it."""

    against: Annotated[str, StringConstraints(max_length=4_000)] | None = None


Column = Annotated[str, StringConstraints(max_length=200), AfterValidator(_readable)]


class ImportAsked(Asked):
    """Files that were sent, and the provenance of what is in them."""

    files: list[UUID] = Field(min_length=1, max_length=20)
    channel: Annotated[str, StringConstraints(max_length=60)]
    basis: Annotated[str, StringConstraints(max_length=40)]
    notice: NoticeName | None = None
    controller: Annotated[str, StringConstraints(max_length=120)] | None = None
    source: Annotated[str, StringConstraints(max_length=60)] | None = Field(
        None, description="Whom they come from, if not from the customers: a registered source."
    )
    purposes: list[Purpose] = Field(default=[], max_length=13, description="Brought in for these alone.")
    residence: Column | None = Field(None, description="Two capital letters: a country; else the column that says it.")
    consents: dict[Purpose, Column] = Field(default={}, max_length=13, description="Column by purpose.")
    consent_time: Column | None = None
    consent_way: Annotated[str, StringConstraints(max_length=40)] | None = None
    kind: Literal["customers", "organisations", "orders", "interactions"] = "customers"
    maps: dict[Name, Column] = Field(default={}, max_length=100, description="Column by field; `#N`: by place.")
    day_first: bool | None = Field(None, description="How dates are written; null: as their values show.")
    dry_run: bool = False


class Row(Schema):
    """Where the ledger recorded the use."""

    seq: int


class Found(Schema):
    """Customers found (none: an empty list) and the row of the look-up; `next`: the next page's `after` (null: no more)."""

    subjects: list[UUID]
    next: UUID | None
    ledger: Row


class Why(Schema):
    """The policy that decided, its article and its reason in the reader's language."""

    policy: str
    article: str
    reason: str


class Masked(Why):
    """A value as far as it is shown."""

    value: str


class Supplied(Schema):
    """That something came from a third party or a public place, and not from the customer; null: in no register."""

    kind: Literal["third-party", "public"]
    name: str | None
    party: str | None


class Shown(Schema):
    """One customer as far as the purpose shows them; `sources`: whom something came from, if not from themselves."""

    subject: UUID
    fields: dict[str, str]
    masked: dict[str, Masked]
    denied: dict[str, Why]
    sources: list[Supplied]
    ledger: Row


class Listed(Schema):
    """A page of customers. `kept_back`: how many of it the gate shows nothing of; `next`: the next page's `after`."""

    customers: list[Shown]
    kept_back: int
    next: UUID | None


class Decision(Why):
    """What a read would show of one field."""

    field: str
    answer: Literal["clear", "masked", "match-only", "denied"]


class Compared(Schema):
    """Whether what was said is what is held; null: nothing is held."""

    subject: UUID
    field: str
    match: bool | None
    ledger: Row


class Explained(Schema):
    """Field by field; nothing was opened."""

    decisions: list[Decision]


class Consent(Schema):
    """One thing the customer said."""

    id: UUID
    subject: UUID
    purpose: str
    status: str
    kind: str
    at: datetime | None
    until: datetime | None
    notice: int | None
    way: str | None
    by: UUID | None
    evidence: bool
    proof: str | None
    guardian: str | None
    event: str | None
    recipient: str | None
    country: str | None
    fields: list[str] | None
    state: str = Field(description="In the words of the W3C Data Privacy Vocabulary.")
    in_force: bool


class Consents(Schema):
    """Everything the customer said, newest first."""

    consents: list[Consent]


class LedgerRow(Schema):
    """What passed the gate."""

    seq: int
    at: datetime
    actor: UUID
    human: str
    department: str | None
    purpose: str | None
    basis: str | None
    action: str
    fields: list[str]
    answer: str
    policy: str | None
    subjects: int
    recipient: str | None = Field(description="Who outside the house was told.")
    country: str | None


class LedgerPage(Schema):
    """Rows, newest first, and the `before` of the next page (null: this was the last)."""

    rows: list[LedgerRow]
    next: int | None


class Checkpoint(Schema):
    """A signed tree head, C2SP `tlog-checkpoint`."""

    checkpoint: str


class Broken(Schema):
    """One thing that does not hold."""

    seq: int | None
    why: str


class Retired(Schema):
    """Rows of the ledger that lost their body because their time was over, and the time they were from."""

    rows: int
    first: datetime | None
    last: datetime | None


class Verdict(Schema):
    """Everything recomputed."""

    ok: bool
    size: int
    root: str
    broken: list[Broken]
    retired: Retired


class SubjectProof(Schema):
    """That the row is about the customer; opens no other commitment. `id`: the origin subject the row names."""

    id: UUID
    r: str
    index: int
    size: int
    path: list[str]


class Proof(Schema):
    """Inclusion in the tree of the checkpoint; hashes and the leaf's canonical bytes in base64.

    `log` is the log's key as this installation names it: trust the published one. `decision` is what the row's decision hashes.
    Of a retired row `leaf` is left out, and `leaf_hash` is all there is.
    """

    format: str
    log: str
    leaf: str | None = None
    retired: bool | None = None
    leaf_hash: str | None = None
    index: int
    size: int
    path: list[str]
    checkpoint: str
    subject: SubjectProof | None = None
    decision: dict[str, str] | None = None


class Uploaded(Schema):
    """The id under which a file waits."""

    file: UUID


class ImportPlan(Schema):
    """What an import would do; samples are masked."""

    mapping: dict[str, str]
    unmapped: list[str]
    rows: int
    samples: dict[str, list[str]]
    recognised: list[str] = Field(description="The systems whose exports these are.")
    notes: list[str] = Field(description="What whoever imports should know of the files, in the reader's language.")


class ImportStarted(Schema):
    """The import that has begun."""

    import_id: UUID = Field(alias="import")


class ImportStatus(Schema):
    """`rows = accepted + duplicates + quarantined`; `accepted = created + updated + merged`."""

    id: UUID
    state: str
    kind: str
    rows: int
    accepted: int
    created: int
    updated: int
    merged: int
    duplicates: int
    quarantined: int
    review: int | None
    seconds: float
    share: float
    started_at: datetime
    ended_at: datetime | None


class ImportPage(Schema):
    """The newest first; `next`: the next page's `before` (null: this was the last)."""

    imports: list[ImportStatus]
    next: UUID | None


class Status(Schema):
    """Health and counts."""

    version: str
    subjects: int | None
    sources: int | None
    facets: int | None
    quarantined: int | None
    review: int | None
    ledger: dict[str, Any] | None
    jobs: dict[str, Any] | None


class Health(Schema):
    """Whether the database answers."""

    database: bool


class ProblemBody(Schema):
    """A problem (RFC 9457): no value of the request stands in it."""

    type: str
    title: str
    status: int
    detail: str
    instance: str
    code: str
    message: str
    remedy: str
    policy: str | None
    article: str | None
    reason: str | None
    errors: list[dict[str, Any]] | None = Field(None, description="422: where and why.")
    subject: UUID | None = Field(None, description="403 of a read: the customer.")
    denied: dict[str, Why] | None = Field(None, description="403 of a read: why, field by field.")
    ledger: Row | None = Field(None, description="403 of a read: the row it stands in.")


class PurposeLine(Schema):
    """A purpose in force."""

    purpose: str
    label: str
    version: str
    kind: str
    roles: list[str]
    fields_: int = Field(alias="fields", serialization_alias="fields")
    retention_days: int
    automated: bool
    waiting: str | None
    waits_for: str | None


class Purposes(Schema):
    """Every purpose in force."""

    purposes: list[PurposeLine]


class PurposeVersions(Schema):
    """One purpose and its versions."""

    purpose: dict[str, Any]
    versions: list[dict[str, Any]]


class NoticeLine(Schema):
    """A version of a notice."""

    id: str
    name: str
    version: str
    status: str
    from_: datetime | None = Field(alias="from", serialization_alias="from")
    waits_for: str | None
    proposed_by: str | None
    purposes: int


class Notices(Schema):
    """Every version of every notice."""

    notices: list[NoticeLine]


class NoticeText(Schema):
    """A version of a notice with its words."""

    notice: NoticeLine
    texts: dict[str, str]
    covers: list[dict[str, Any]]
    steps: list[dict[str, Any]]
