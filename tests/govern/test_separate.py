"""Separate consents: to one event, recipient, set of fields and country; what was agreed to, and nothing beside it."""

from __future__ import annotations

from uuid import UUID

import pytest
from django.db import IntegrityError, connection, transaction

from kehu.govern.consent import (
    NothingToWithdraw,
    Statement,
    UnknownStatement,
    ask_consent,
    give_consent,
    invalidate_consent,
    refuse_consent,
    withdraw_consent,
)
from kehu.govern.guardians import end_guardians
from kehu.govern.separate import Terms, recipient_key
from kehu.govern.slugs import PURPOSES
from kehu.guard.gate.read import gate
from kehu.vault.assignment import CONFIRMED, EXACT_KEY, PROBABLE, assign, unassign
from kehu.vault.ids import new_id
from tests.cast import admit, before_its_end, shipped_with, staff

LIN = {"full_name": "林婉清", "email": "lin@mail.example"}
AGAIN = {"full_name": "林婉清", "email": "lin@work.example"}
SERVICE, MARKETING = PURPOSES["service"], PURPOSES["marketing"]
TO_X = {"recipient": "Fair Freight Ltd", "recipient_kind": "controller"}


@pytest.fixture(autouse=True)
def register(database):
    """The recipients and countries of these tests stand in the register."""
    for purpose in ("service", "marketing"):
        shipped_with(database, purpose, recipients=["Fair Freight Ltd", "Other Ltd", "Other"], countries=["DE", "US"])


def agree(subject: UUID, purpose: int = SERVICE, *, by: UUID, **more: object) -> UUID:
    id = new_id()
    statement = Statement(notice=1, way="recorded by staff", **more)
    give_consent(subject, purpose=purpose, purpose_version=1, statement=statement, recorded_by=by, id=id)
    return id


def seen(subject: UUID, actor, purpose: str = "service", **ask: object) -> dict[str, str]:
    """Answers by field, and the policy of each denied one."""
    opened = gate().open([subject], actor=actor, purpose=purpose, fields=["email", "full_name"], **ask)[0]
    return {
        name: row[0].answer if row[0].answer != "denied" else row[0].policy
        for name, row in opened.decision.fields.items()
    }


def link(one: UUID, other: UUID, certainty: int) -> None:
    with transaction.atomic():
        connection.ensure_connection()
        assign(connection.connection, [(one, other)], certainty=certainty, why=5, run=None, by=new_id())


def unlink(one: UUID, other: UUID) -> None:
    with transaction.atomic():
        connection.ensure_connection()
        unassign(connection.connection, [(one, other)], run=None, by=new_id())


def test_the_recipient_named_and_no_other(database):
    sam = staff("service")
    [lin] = admit(LIN)
    assert set(seen(lin, sam, **TO_X).values()) == {"cn.pipl.23-recipient"}
    agree(lin, by=sam.staff, terms=Terms("provide", "Fair  Freight ltd"))
    assert set(seen(lin, sam, **TO_X).values()) == {"clear"}
    for other in ("Other", "Other Ltd"):
        assert set(seen(lin, sam, recipient=other, recipient_kind="controller").values()) == {"cn.pipl.23-recipient"}
    for unknown in ("Fair Freight", ""):  # not in the register
        assert set(seen(lin, sam, recipient=unknown, recipient_kind="controller").values()) == {"house.recipient"}
    assert set(seen(lin, sam, **TO_X | {"recipient_kind": "sale"}).values()) == {"clear"}


def test_the_fields_named_and_no_other(database):
    sam = staff("service")
    [lin] = admit(LIN)
    agree(lin, by=sam.staff, terms=Terms("provide", "Fair Freight Ltd", fields=("email",)))
    assert seen(lin, sam, **TO_X) == {"email": "clear", "full_name": "cn.pipl.23-recipient"}


def test_the_country_named_and_no_other(database):
    sam = staff("service")
    [lin] = admit(LIN)
    agree(lin, by=sam.staff, terms=Terms("abroad", "Fair Freight Ltd", "DE"))
    processor = {"recipient": "Fair Freight Ltd", "recipient_kind": "processor"}
    assert set(seen(lin, sam, **processor, country="DE").values()) == {"clear"}
    assert set(seen(lin, sam, **processor, country="US").values()) == {"cn.pipl.39-abroad"}
    assert set(seen(lin, sam, recipient="Other", recipient_kind="processor", country="DE").values()) == {
        "cn.pipl.39-abroad"
    }
    # to a company that decides by itself both events are asked for
    assert set(seen(lin, sam, **TO_X, country="DE").values()) == {"cn.pipl.23-recipient"}
    agree(lin, by=sam.staff, terms=Terms("provide", "Fair Freight Ltd", "DE"))
    assert set(seen(lin, sam, **TO_X, country="DE").values()) == {"clear"}
    assert set(seen(lin, sam, **TO_X).values()) == {"cn.pipl.23-recipient"}  # it was to Germany


@pytest.mark.parametrize(
    ("event", "policy"), [("publish", "cn.pipl.25-publish"), ("public-space", "cn.pipl.26-public-space")]
)
def test_the_event_named_and_no_other(database, event, policy):
    sam = staff("service")
    [lin] = admit(LIN)
    assert set(seen(lin, sam, event=event).values()) == {policy}
    agree(lin, by=sam.staff, terms=Terms("sensitive"))
    assert set(seen(lin, sam, event=event).values()) == {policy}
    agree(lin, by=sam.staff, terms=Terms(event))
    assert set(seen(lin, sam, event=event).values()) == {"clear"}


def test_a_separate_consent_is_no_consent_to_the_purpose_and_ends_with_it(database):
    mia = staff("marketing")
    [lin] = admit(LIN)
    agree(lin, MARKETING, by=mia.staff, terms=Terms("provide", "Fair Freight Ltd"))
    assert set(seen(lin, mia, "marketing", **TO_X).values()) == {"cn.pipl.consent-none"}
    agree(lin, MARKETING, by=mia.staff)
    assert set(seen(lin, mia, "marketing", **TO_X).values()) == {"clear"}
    withdraw_consent(lin, purpose=MARKETING, purpose_version=1, recorded_by=mia.staff, id=new_id())
    agree(lin, MARKETING, by=mia.staff)
    assert set(seen(lin, mia, "marketing").values()) == {"clear"}
    assert set(seen(lin, mia, "marketing", **TO_X).values()) == {"cn.pipl.23-recipient"}


def test_one_alone_is_withdrawn_and_the_others_stay(database):
    sam = staff("service")
    [lin] = admit(LIN)
    first = agree(lin, by=sam.staff, terms=Terms("provide", "Fair Freight Ltd"))
    agree(lin, by=sam.staff, terms=Terms("provide", "Other Ltd"))
    withdraw_consent(lin, purpose=SERVICE, purpose_version=1, recorded_by=sam.staff, id=new_id(), only=first)
    assert set(seen(lin, sam, **TO_X).values()) == {"cn.pipl.23-recipient"}
    assert set(seen(lin, sam, recipient="other ltd", recipient_kind="controller").values()) == {"clear"}
    with pytest.raises(NothingToWithdraw):
        withdraw_consent(lin, purpose=SERVICE, purpose_version=1, recorded_by=sam.staff, id=new_id(), only=first)


def test_it_ends_by_itself_at_its_time(database):
    sam = staff("service")
    [lin] = admit(LIN)

    def looked(until):
        agree(lin, by=sam.staff, until=until, terms=Terms("provide", "Fair Freight Ltd"))
        return seen(lin, sam, **TO_X)

    assert set(before_its_end(looked).values()) == {"clear"}
    assert set(seen(lin, sam, **TO_X).values()) == {"cn.pipl.23-recipient"}


def test_a_newer_one_takes_the_place_of_the_older(database):
    sam = staff("service")
    [lin] = admit(LIN)
    agree(lin, by=sam.staff, terms=Terms("provide", "Fair Freight Ltd"))
    agree(lin, by=sam.staff, terms=Terms("provide", "Fair Freight Ltd", fields=("email",)))
    assert seen(lin, sam, **TO_X) == {"email": "clear", "full_name": "cn.pipl.23-recipient"}


def test_a_request_permits_nothing_a_refusal_and_a_finding_stop_it(database):
    sam = staff("service")
    [lin] = admit(LIN)
    terms = Terms("provide", "Fair Freight Ltd")
    said = Statement(notice=1, way="recorded by staff", terms=terms)
    told = {"purpose": SERVICE, "purpose_version": 1, "recorded_by": sam.staff}
    asked = ask_consent(lin, statement=said, id=new_id(), **told)
    assert asked.status == "requested"
    assert set(seen(lin, sam, **TO_X).values()) == {"cn.pipl.23-recipient"}
    agree(lin, by=sam.staff, terms=terms, follows=asked.id)
    assert set(seen(lin, sam, **TO_X).values()) == {"clear"}
    refuse_consent(lin, statement=said, id=new_id(), **told)
    assert set(seen(lin, sam, **TO_X).values()) == {"cn.pipl.23-recipient"}
    again = agree(lin, by=sam.staff, terms=terms)
    invalidate_consent(again, recorded_by=sam.staff, id=new_id(), way="privacy office")
    assert set(seen(lin, sam, **TO_X).values()) == {"cn.pipl.23-recipient"}
    with pytest.raises(UnknownStatement):
        invalidate_consent(asked.id, recorded_by=sam.staff, id=new_id(), way="privacy office")


def test_a_consent_found_invalid_permits_nothing_and_a_newer_one_stays(database):
    mia = staff("marketing")
    [lin] = admit(LIN)
    first = agree(lin, MARKETING, by=mia.staff)
    invalidate_consent(first, recorded_by=mia.staff, id=new_id(), way="privacy office")
    assert set(seen(lin, mia, "marketing").values()) == {"cn.pipl.consent-invalid"}
    second = agree(lin, MARKETING, by=mia.staff)
    assert set(seen(lin, mia, "marketing").values()) == {"clear"}
    invalidate_consent(first, recorded_by=mia.staff, id=new_id(), way="privacy office")
    assert set(seen(lin, mia, "marketing").values()) == {"clear"}
    invalidate_consent(second, recorded_by=mia.staff, id=new_id(), way="privacy office")
    assert set(seen(lin, mia, "marketing").values()) == {"cn.pipl.consent-invalid"}


def test_a_refusal_acts_on_the_next_read(database):
    mia = staff("marketing")
    [lin] = admit(LIN)
    agree(lin, MARKETING, by=mia.staff)
    refuse_consent(
        lin, purpose=MARKETING, purpose_version=1, statement=Statement(way="phone"), recorded_by=mia.staff, id=new_id()
    )
    assert set(seen(lin, mia, "marketing").values()) == {"cn.pipl.consent-refused"}


@pytest.mark.parametrize("certainty", [EXACT_KEY, CONFIRMED, PROBABLE])
def test_a_merge_never_widens_it(database, certainty):
    sam = staff("service")
    lin, again = admit(LIN, AGAIN)
    agree(lin, by=sam.staff, terms=Terms("provide", "Fair Freight Ltd"))
    link(lin, again, certainty)
    assert set(seen(lin, sam, **TO_X).values()) == {"cn.pipl.23-recipient"}  # the other origin never gave it
    unlink(lin, again)
    assert set(seen(lin, sam, **TO_X).values()) == {"clear"}
    assert set(seen(again, sam, **TO_X).values()) == {"cn.pipl.23-recipient"}


def test_given_while_merged_it_stands_on_the_part_and_leaves_with_its_anchor(database):
    sam = staff("service")
    lin, again = admit(LIN, AGAIN)
    link(lin, again, EXACT_KEY)
    agree(lin, by=sam.staff, terms=Terms("provide", "Fair Freight Ltd"))
    assert set(seen(again, sam, **TO_X).values()) == {"clear"}
    unlink(lin, again)
    assert set(seen(lin, sam, **TO_X).values()) == {"clear"}
    assert set(seen(again, sam, **TO_X).values()) == {"cn.pipl.23-recipient"}


def behind(*subjects: UUID) -> list[bool]:
    """Whether a guardian stands behind each of them."""
    with connection.cursor() as cursor:
        cursor.execute("select guardian from subject_state where subject = any (%s) order by subject", [list(subjects)])
        return [row[0] for row in cursor.fetchall()]


def test_a_guardian_who_refuses_a_separate_consent_stands_behind_the_child_no_more(database):
    sam, [child] = staff("service"), admit(LIN)
    ours, theirs = Terms("provide", "Fair Freight Ltd"), Terms("provide", "Other Ltd")
    for terms in (ours, theirs):
        agree(child, by=sam.staff, kind="specific", guardian="mother", terms=terms)
    for terms, stands in ((ours, True), (theirs, False)):
        statement = Statement(kind="specific", guardian="mother", terms=terms)
        refuse_consent(
            child, purpose=SERVICE, purpose_version=1, statement=statement, recorded_by=sam.staff, id=new_id()
        )
        assert behind(child) == [stands]


def test_a_guardian_whom_an_older_program_left_behind_a_child_stands_there_no_more(database):
    sam, [child, twin, grown] = staff("service"), admit(LIN, AGAIN, {"full_name": "王芳"})
    terms = Terms("provide", "Fair Freight Ltd")
    for one in (child, twin):
        agree(one, by=sam.staff, kind="specific", guardian="mother", terms=terms)
    refuse_consent(
        child, purpose=SERVICE, purpose_version=1, statement=Statement(terms=terms), recorded_by=sam.staff, id=new_id()
    )
    with connection.cursor() as cursor:
        cursor.execute("update subject_state set guardian = true where subject = any (%s)", [[child, grown]])
    assert end_guardians() == 2
    assert behind(child, twin, grown) == [False, True, False]
    assert end_guardians() == 0


def test_a_child_s_own_separate_consent_ends_the_guardian_s_to_the_same(database):
    sam, [child] = staff("service"), admit(LIN)
    terms = Terms("provide", "Fair Freight Ltd")
    agree(child, by=sam.staff, kind="specific", guardian="mother", terms=terms)
    own = agree(child, by=sam.staff, kind="specific", terms=terms)
    withdraw_consent(child, purpose=SERVICE, purpose_version=1, recorded_by=sam.staff, id=new_id(), only=own)
    assert behind(child) == [False]


@pytest.mark.parametrize("refuses", [False, True])
def test_after_an_unmerge_a_guardian_stands_behind_whose_separate_consent_stands(database, refuses):
    sam, [one, other] = staff("service"), admit(LIN, AGAIN)
    terms = Terms("provide", "Fair Freight Ltd")
    link(one, other, CONFIRMED)
    agree(one, by=sam.staff, kind="specific", guardian="mother", terms=terms)
    assert behind(one, other) == [True, True]
    if refuses:  # by a program that let the guardian stand
        refuse_consent(
            one,
            purpose=SERVICE,
            purpose_version=1,
            statement=Statement(terms=terms),
            recorded_by=sam.staff,
            id=new_id(),
        )
        with connection.cursor() as cursor:
            cursor.execute("update subject_state set guardian = true")
    unlink(one, other)
    assert behind(one) == [not refuses] and behind(other) == [False]


def test_a_withdrawal_while_merged_stays_with_all(database):
    sam = staff("service")
    lin, again = admit(LIN, AGAIN)
    for one in (lin, again):
        agree(one, by=sam.staff, terms=Terms("provide", "Fair Freight Ltd"))
    link(lin, again, PROBABLE)
    assert set(seen(lin, sam, **TO_X).values()) == {"clear"}
    withdraw_consent(lin, purpose=SERVICE, purpose_version=1, recorded_by=sam.staff, id=new_id())
    unlink(lin, again)
    for one in (lin, again):
        assert set(seen(one, sam, **TO_X).values()) == {"cn.pipl.23-recipient"}


@pytest.mark.parametrize(
    ("terms", "word"),
    [
        (Terms("sell"), "event"), (Terms("provide"), "recipient"), (Terms("abroad", "X"), "country"),
        (Terms("abroad", "X", "Germany"), "country"), (Terms("abroad", "X", "de"), "country"),
        (Terms("provide", "X", fields=()), "fields"), (Terms("provide", "x\ny"), "recipient"),
        (Terms("provide", "x" * 121), "recipient"),
    ],
)  # fmt: skip
def test_what_a_law_wants_named_is_named(database, terms, word):
    [lin] = admit(LIN)
    with pytest.raises(ValueError, match=word):
        agree(lin, by=new_id(), terms=terms)


def test_the_database_holds_it_too(database):
    [lin] = admit(LIN)
    sql = (
        "insert into govern_consent (id, subject, purpose, purpose_version, status, kind, at, notice, way, recorded_by,"
        " recorded_at, narrowed, event, recipient, country) values (gen_random_uuid(), %s, 1, 1, 'given', %s, now(), 1, 'x',"
        " gen_random_uuid(), now(), false, %s, %s, %s)"
    )
    for row in (("general", "provide", "X", ""), ("specific", "provide", "", ""), ("specific", "abroad", "X", ""),
                ("general", "", "X", ""), ("specific", "sell", "X", "")):  # fmt: skip
        with pytest.raises(IntegrityError), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(sql, [lin, *row])
    agree(lin, by=new_id(), terms=Terms("provide", "X"))
    for change in ("status = 'refused'", "recipient = 'Y'", "until = now()"):
        with pytest.raises(IntegrityError), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(f"update govern_consent set {change}")  # a statement is followed, never changed


def test_the_state_does_not_grow_for_those_without(database):
    sam = staff("service")
    lin, with_one = admit(LIN, AGAIN)
    agree(with_one, by=sam.staff, terms=Terms("provide", "Fair Freight Ltd"))
    seen(lin, sam), seen(with_one, sam)
    with connection.cursor() as cursor:
        cursor.execute('select distinct state from gate_decision where ask like \'%%"purpose":"service"%%\' order by 1')
        states = [row[0] for row in cursor.fetchall()]
    assert [state.count("|") for state in states] == [13, 14]
    assert states[0] == states[1].rpartition("|")[0]


@pytest.mark.parametrize(
    ("written", "same"),
    [("ACME  gmbh ", "acme GmbH", ), ("ＡＣＭＥ GmbH", "acme gmbh"), ("\u3000华运物流\u3000", "华运物流")],
)  # fmt: skip
def test_a_name_is_the_same_however_it_is_written(written, same):
    assert recipient_key(written) == recipient_key(same)
