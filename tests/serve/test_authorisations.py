"""Authorisations in the office: separate, temporary, a guardian's; their proof; what an erasure and a copy make of them."""

from __future__ import annotations

import base64
import hashlib
import json
from datetime import date
from uuid import UUID

import pytest
from django.utils import timezone

from kehu.govern.models import Consent, Subscription
from kehu.govern.separate import Terms
from kehu.govern.slugs import PURPOSES
from kehu.guard.gate.acts import ActRefused
from kehu.guard.gate.read import gate
from kehu.guard.ledger import queries
from kehu.guard.staff.actions import owner_actor
from kehu.serve.rights.consents import actions
from kehu.serve.rights.consents.evidence import Evidence, NoEvidence, open_evidence
from kehu.serve.rights.consents.receipts import receipt
from kehu.serve.rights.consents.statements import became, statements_of
from kehu.vault.ids import new_id
from tests.cast import admit, before_its_end, shipped_with, staff
from tests.serve.holdings import raw

LIN = {"full_name": "林婉清", "email": "lin@mail.example"}
CHILD = {"full_name": "林小雨", "email": "yu@mail.example", "birth_date": "2015-05-01"}
SERVICE, MARKETING, CREDIT = PURPOSES["service"], PURPOSES["marketing"], PURPOSES["credit"]
FORM = Evidence("email", b"print of a formzq", "binder 7, sheet 12")


@pytest.fixture(autouse=True)
def register(database):
    """The recipients and countries of these tests stand in the register."""
    for purpose in ("service", "marketing"):
        shipped_with(database, purpose, recipients=["Fair Freight Ltd", "Other"], countries=["DE"])


def agree(subject: UUID, purpose: int = MARKETING, **options: object) -> dict[str, object]:
    told = {"kind": "general", "until": None, "notice": None, "by_subject": None} | options
    return actions.give(subject, purpose, actor=owner_actor(), **told)[0]


def states(subject: UUID) -> list[str]:
    return [one.dpv for one in became(statements_of([subject]))]


def test_a_proof_is_sealed_and_opens_for_the_office_alone(database):
    [lin] = admit(LIN)
    row = agree(lin, evidence=FORM)
    assert (row["evidence"], row["proof"], row["way"], row["version"]) == (True, "email", "recorded by staff", 1)
    body = bytes(Consent.objects.get(id=row["id"]).evidence)
    assert not any(part in body for part in (b"formzq", b"binder", hashlib.sha256(FORM.content).hexdigest().encode()))
    before = len(queries.rows(subject=lin))
    held = open_evidence(UUID(str(row["id"])), actor=owner_actor())
    assert base64.b64decode(held["content"]) == FORM.content and held["reference"] == FORM.reference
    assert held["sha256"] == hashlib.sha256(FORM.content).hexdigest()
    assert len(queries.rows(subject=lin)) == before + 1
    with pytest.raises(ActRefused):
        open_evidence(UUID(str(row["id"])), actor=staff("service"))
    with pytest.raises(NoEvidence):
        open_evidence(UUID(str(agree(lin)["id"])), actor=owner_actor())


@pytest.mark.parametrize(
    "wrong", [Evidence(content=b""), Evidence(content=b"x" * ((4 << 20) + 1)), Evidence("hearsay", b"x"), Evidence("email", reference="x" * 501)]
)  # fmt: skip
def test_a_proof_that_is_none_is_refused(database, wrong):
    [lin] = admit(LIN)
    with pytest.raises(ValueError, match=r"evidence|proof|reference"):
        agree(lin, evidence=wrong)
    assert not Consent.objects.exists()


def test_an_erasure_keeps_the_proof_as_residue_and_no_row(database):
    from kehu.serve.rights.erasing.erasure import erase
    from kehu.serve.rights.erasing.residue import open_left

    [lin] = admit(LIN)
    agree(lin, CREDIT, evidence=FORM, terms=Terms("provide", "Fair Freight Ltd", fields=("full_name",)))
    Subscription.objects.create(
        id=new_id(), subject=lin, medium="email", topic="offers", status="subscribed", ground="consent", way="phone",
        at=timezone.now(), recorded_at=timezone.now(), recorded_by=new_id(),
    )  # fmt: skip
    done = erase(lin, actor=owner_actor(), reason="asked")
    assert not Consent.every.exists() and not Subscription.objects.exists()
    assert done.certificate["erased"]["subscriptions"] == 1
    left = open_left(done.id, actor=staff("legal"), purpose="claims")["residue"]
    [said] = left["consents"]
    assert (said["event"], said["recipient"], said["fields"]) == ("provide", "Fair Freight Ltd", ["full_name"])
    assert base64.b64decode(json.loads(said["evidence"])["content"]) == FORM.content
    assert [row["topic"] for row in left["subscriptions"]] == ["offers"]


def test_an_opt_out_is_remembered_for_the_address(database):
    from kehu.govern.subscriptions import Said, say
    from kehu.serve.rights.erasing.erasure import erase

    lin, other = admit(LIN, {"email": "else@mail.example", "full_name": "Else"})
    say(lin, "email", "offers", said=Said("unsubscribed", "phone"), recorded_by=new_id(), id=new_id())
    for one in (lin, other):
        erase(one, actor=owner_actor(), reason="asked")
    rows = raw().execute("select purposes from suppression").fetchall()
    assert [row[0] for row in rows] == [[MARKETING]]


def test_fields_that_the_purpose_does_not_need_are_no_part_of_it(database):
    [lin] = admit(LIN)
    with pytest.raises(ValueError, match="fields"):
        agree(lin, MARKETING, terms=Terms("provide", "Fair Freight Ltd", fields=("income",)))


# ---- sensitive data: the least set of credit has income


def test_a_separate_consent_opens_the_sensitive_fields_it_names(database):
    [lin] = admit(LIN | {"income": "120000", "credit_score": "700"})
    agree(lin, CREDIT)
    legal = staff("legal")
    raw().execute("update actor_state set second_factor_at = now() where actor = %s", (legal.credential,))
    ask = {"actor": legal, "purpose": "credit", "fields": ["income", "credit_score", "full_name"]}
    seen = lambda: {name: row[0].answer for name, row in gate().open([lin], **ask)[0].decision.fields.items()}
    assert seen() == {"income": "masked", "credit_score": "masked", "full_name": "clear"}
    id = agree(lin, CREDIT, terms=Terms("sensitive", fields=("income",)))["id"]
    assert seen() == {"income": "clear", "credit_score": "masked", "full_name": "clear"}
    made = receipt(UUID(str(id)), actor=owner_actor())
    assert made["record"]["processing"]["pii_information"] == ["income"]
    assert made["used"]["rows"] == 1  # the look before it was not under it
    gate().open([lin], actor=legal, purpose="credit", fields=["full_name"])
    assert receipt(UUID(str(id)), actor=owner_actor())["used"]["rows"] == 1  # nothing sensitive came out


def test_a_receipt_of_giving_to_others_counts_what_went_there(database):
    [lin] = admit(LIN)
    sam = staff("service")
    id = UUID(str(agree(lin, SERVICE, terms=Terms("provide", "Fair Freight Ltd"))["id"]))
    for recipient in ("fair freight ltd", "FAIR FREIGHT LTD"):
        gate().open([lin], actor=sam, purpose="service", recipient=recipient, recipient_kind="controller")
    gate().open([lin], actor=sam, purpose="service")
    gate().open([lin], actor=sam, purpose="service", recipient="Other", recipient_kind="controller")
    made = receipt(id, actor=owner_actor())
    assert made["used"]["rows"] == 2
    assert made["record"]["processing"]["recipients"] == ["Fair Freight Ltd"]
    assert made["record"]["state"] == "dpv:ConsentGiven" and made["record"]["in_force"]
    actions.withdraw(lin, SERVICE, actor=owner_actor(), only=id)
    made = receipt(id, actor=owner_actor())
    assert made["record"]["state"] == "dpv:ConsentWithdrawn" and made["record"]["ended_at"]
    assert [event["state"] for event in made["record"]["events"]] == ["dpv:ConsentGiven", "dpv:ConsentWithdrawn"]


# ---- states in the words of the DPV


def test_each_state_of_the_vocabulary(database):
    [lin] = admit(LIN)
    owner = owner_actor()
    actions.ask(lin, MARKETING, actor=owner)
    assert states(lin) == ["dpv:ConsentRequested"]
    asked = statements_of([lin])[0].id
    agree(lin, follows=asked)
    assert states(lin) == ["dpv:ConsentRequested", "dpv:ConsentGiven"]
    actions.withdraw(lin, MARKETING, actor=owner)
    assert states(lin)[1:] == ["dpv:ConsentWithdrawn", "dpv:ConsentWithdrawn"]
    actions.refuse(lin, MARKETING, actor=owner)
    assert states(lin)[-1] == "dpv:ConsentRefused"
    id = agree(lin)["id"]
    actions.invalidate(UUID(str(id)), actor=owner)
    assert states(lin)[-2:] == ["dpv:ConsentInvalidated", "dpv:ConsentInvalidated"]

    def temporary(until):
        agree(lin, kind="temporary", until=until)
        return states(lin)[-1]

    assert before_its_end(temporary) == "dpv:ConsentGiven"
    assert states(lin)[-1] == "dpv:ConsentExpired"
    Consent.objects.create(
        id=new_id(), subject=lin, purpose=CREDIT, purpose_version=1, status="unknown", kind="general",
        recorded_by=new_id(), recorded_at=timezone.now(),
    )  # fmt: skip
    assert states(lin)[-1] == "dpv:ConsentUnknown"
    shown = {row["state"] for row in actions.consents(lin)}
    assert shown >= {"dpv:ConsentExpired", "dpv:ConsentInvalidated", "dpv:ConsentRefused", "dpv:ConsentUnknown"}


def test_a_temporary_one_across_its_moment(database):
    [lin] = admit(LIN)
    mia = staff("marketing")
    read = lambda: gate().open([lin], actor=mia, purpose="marketing", fields=["email"])[0]

    def used(until):
        given = agree(lin, kind="temporary", until=until)
        return UUID(str(given["id"])), read()

    id, opened = before_its_end(used)
    assert opened.contributions
    assert read().denied()["email"].policy == "cn.pipl.consent-expired"
    record = receipt(id, actor=owner_actor())["record"]
    assert [event["state"] for event in record["events"]] == ["dpv:ConsentGiven", "dpv:ConsentExpired"]


def test_who_may_find_a_consent_invalid(database):
    [lin] = admit(LIN)
    id = UUID(str(agree(lin)["id"]))
    for role in ("service", "marketing", "auditor"):
        with pytest.raises(ActRefused):
            actions.invalidate(id, actor=staff(role))
    with pytest.raises(ActRefused):
        actions.ask(lin, MARKETING, actor=staff("analyst"))


# ---- guardians


def test_a_guardian_is_named_with_a_proof(database):
    [child] = admit(CHILD, age=1)
    with pytest.raises(ValueError, match="guardian"):
        agree(child, guardian="parent")
    with pytest.raises(ValueError, match="guardian"):
        agree(child, guardian="uncle", evidence=Evidence("household-register", guardian="林海"))
    row = agree(child, guardian="parent", evidence=Evidence("household-register", reference="p. 3", guardian="林海zq"))
    assert (row["guardian"], row["proof"], row["by"]) == ("parent", "household-register", None)
    held = open_evidence(UUID(str(row["id"])), actor=owner_actor())
    assert (held["guardian"], held["reference"], held["content"]) == ("林海zq", "p. 3", None)
    assert "林海zq" not in json.dumps(receipt(UUID(str(row["id"])), actor=owner_actor()), ensure_ascii=False)
    [state] = (
        raw()
        .execute("select guardian, consents -> '4' ->> 1 from subject_state where subject = %s", (child,))
        .fetchall()
    )
    assert tuple(state) == (True, "general*")


def test_a_guardian_who_is_a_customer_is_declared_where_no_proof_was_seen(database):
    child, mother = admit(CHILD, {"full_name": "妈妈"}, age=1)
    row = agree(child, by_subject=mother)
    assert (row["guardian"], row["proof"], row["by"]) == ("guardian", "declared", str(mother))


@pytest.mark.parametrize(("packs", "policy"), [(1, "cn.come-of-age"), (2, None)])
def test_on_coming_of_age_china_asks_anew_and_europe_keeps(database, packs, policy):
    [child] = admit(CHILD, packs=packs, age=1)
    mia = staff("marketing")
    agree(child, kind="specific", guardian="parent", evidence=Evidence("declared", guardian="林海"))
    raw().execute("update actor_state set second_factor_at = now() where actor = %s", (mia.credential,))
    read = lambda: gate().open([child], actor=mia, purpose="marketing", fields=["email"])[0]
    assert read().contributions
    raw().execute("update subject_state set age = 3 where subject = %s", (child,))  # 14 or 15
    denied = read().denied().get("email")
    assert (denied.policy if denied else None) == policy
    agree(child)  # asked anew
    if packs == 1:
        assert read().contributions


def test_a_guardians_separate_consent_ends_with_the_age_too(database):
    [child] = admit(CHILD, age=1)
    sam = staff("service")
    raw().execute("update actor_state set second_factor_at = now() where actor = %s", (sam.credential,))
    parent = {"guardian": "parent", "evidence": Evidence("declared", guardian="林海")}
    agree(child, SERVICE, kind="specific", **parent)
    agree(child, SERVICE, terms=Terms("provide", "Fair Freight Ltd"), **parent)
    ask = {
        "actor": sam,
        "purpose": "service",
        "fields": ["email"],
        "recipient": "Fair Freight Ltd",
        "recipient_kind": "controller",
    }
    assert gate().open([child], **ask)[0].contributions
    raw().execute("update subject_state set age = 3 where subject = %s", (child,))
    assert gate().open([child], **ask)[0].denied()["email"].policy == "cn.pipl.23-recipient"


def test_the_young_grow_older_by_themselves(database):
    from kehu.serve.rights.ages import refresh_ages

    born = {"child": "2015-05-01", "young": "2012-11-27", "odd": "5.1.2015"}
    child, young, odd, adult = admit(
        CHILD, CHILD | {"birth_date": born["young"]}, CHILD | {"birth_date": born["odd"]}, LIN, age=1
    )
    raw().execute("update subject_state set age = 2 where subject = %s", (young,))
    raw().execute("update subject_state set age = 5 where subject = %s", (adult,))
    bands = lambda: dict(raw().execute("select subject, age from subject_state").fetchall())
    before = len(queries.rows(subject=adult))
    assert refresh_ages(date(2026, 11, 26)) == 0
    assert refresh_ages(date(2026, 11, 27)) == 1  # fourteen today
    assert bands() == {child: 1, young: 3, odd: 1, adult: 5}
    assert refresh_ages(date(2026, 11, 26)) == 0  # never younger again
    assert len(queries.rows(subject=adult)) == before  # an adult is not looked at
    assert any(row["action"] == "link" for row in queries.rows(subject=young))
    raw().execute("update subject_state set restricted = true where subject = %s", (child,))
    assert refresh_ages(date(2040, 1, 1)) == 1 and bands()[child] == 1
