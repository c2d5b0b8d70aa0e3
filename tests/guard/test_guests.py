"""Customers at their own door: codes that cannot be guessed, read back or used to lock anybody out; own data only."""

from __future__ import annotations

import hashlib

import pytest
from django.db import connection, transaction

from kehu.govern.slugs import PURPOSES
from kehu.govern.states import enter
from kehu.guard.gate.acts import Refused
from kehu.guard.gate.read import gate
from kehu.guard.guests import codes
from kehu.guard.guests.codes import CodeRefused, ask_code, pass_code, passed_code
from kehu.guard.guests.credentials import NotSignedIn, guest_actor, guest_of, sign_in, sign_out
from kehu.guard.guests.matching import Candidate, candidates, confirm_fact, fitting, meant, said_addresses
from kehu.guard.holders import GuestHolder
from kehu.guard.ledger.record import record_act
from kehu.vault.assignment import assign, unassign
from kehu.vault.ids import new_id
from tests.cast import admit, staff
from tests.races import beside, somebody_waits, until

LIN = {
    "full_name": "林婉清",
    "email": "lin@mail.example",
    "birth_date": "1990-03-25",
    "external_id": "W-1",
    "national_id": "11010519491231002X",
}
ZHOU = {"full_name": "周海", "email": "zhou@mail.example", "birth_date": "1985-11-02", "external_id": "W-2"}
HERE = "192.0.2.7"
RIGHTS = PURPOSES["rights-request"]


def values(opened, answer="clear"):
    return {c.field: c.normal for one in opened for c in one.contributions if c.answer == answer}


def rows_of(subject):
    with connection.cursor() as cursor:
        cursor.execute(
            "select e.seq, g.actor, g.answer::text from ledger_use u join ledger_entry e using (seq)"
            " join gate_decision g on g.id = e.decision where u.subject = %s order by e.seq",
            [subject],
        )
        return cursor.fetchall()


def link(one, other, certainty):
    with transaction.atomic():
        connection.ensure_connection()
        assign(connection.connection, [(one, other)], certainty=certainty, why=1, run=None, by=new_id())


def read(actor, subject, **options):
    return gate().open([subject], actor=actor, purpose="rights-request", **options)


# ---- one-time codes


def test_the_right_code_passes_once(database):
    asked = ask_code(LIN["email"], client=HERE)
    assert asked.free and len(asked.code) == 6 and asked.code.isdigit()
    pass_code(asked.secret, asked.code, address=LIN["email"])
    with pytest.raises(CodeRefused):
        pass_code(asked.secret, asked.code, address=LIN["email"])


def other(code):
    return str((int(code) + 1) % 10 ** len(code)).zfill(len(code))


def test_brute_force_ends_after_five_tries(database):
    asked = ask_code(LIN["email"], client=HERE)
    for _ in range(codes.TRIES):
        with pytest.raises(CodeRefused):
            pass_code(asked.secret, other(asked.code), address=LIN["email"])
    with pytest.raises(CodeRefused):  # now even the right one
        pass_code(asked.secret, asked.code, address=LIN["email"])


def test_four_wrong_tries_leave_one(database):
    asked = ask_code(LIN["email"], client=HERE)
    for _ in range(codes.TRIES - 1):
        with pytest.raises(CodeRefused):
            pass_code(asked.secret, other(asked.code), address=LIN["email"])
    assert pass_code(asked.secret, asked.code, address=LIN["email"])


def test_a_code_ends_after_ten_minutes(database):
    asked = ask_code(LIN["email"], client=HERE)
    with connection.cursor() as cursor:
        cursor.execute("select extract(epoch from expires_at - at)::int from guest_code")
        assert cursor.fetchone() == (600,)
        cursor.execute("update guest_code set expires_at = clock_timestamp()")
    with pytest.raises(CodeRefused):
        pass_code(asked.secret, asked.code, address=LIN["email"])


def test_a_code_serves_its_browser_and_its_address_only(database):
    lin, zhou = ask_code(LIN["email"], client=HERE), ask_code(ZHOU["email"], client=HERE)
    with pytest.raises(CodeRefused):
        pass_code(zhou.secret, lin.code, address=LIN["email"])
    with pytest.raises(CodeRefused):
        pass_code(lin.secret, lin.code, address=ZHOU["email"])
    with pytest.raises(CodeRefused):
        pass_code("another browser", lin.code, address=LIN["email"])


def test_neither_address_nor_code_nor_client_can_be_read_back(database):
    asked = ask_code(LIN["email"], client=HERE)
    with connection.cursor() as cursor:
        cursor.execute("select t::text, t.address, t.code from guest_code t")
        text, address, code = cursor.fetchone()
    for secret in (LIN["email"], asked.code, HERE, asked.secret):
        assert secret not in text and secret.encode().hex() not in text
    # both are keyed: whoever has the table alone cannot try all addresses or all codes
    assert bytes(address) != hashlib.sha256(b"address\x1f" + LIN["email"].encode()).digest()[:16]
    assert bytes(code) not in {hashlib.sha256(part + asked.code.encode()).digest() for part in (b"", b"code\x1f")}


def test_who_asks_for_anothers_address_locks_out_nobody(database):
    for n in range(25):  # one attacker, one place
        attacker = ask_code(LIN["email"], client="198.51.100.1")
        with pytest.raises(CodeRefused):
            pass_code(attacker.secret, other(attacker.code), address=LIN["email"])
        assert attacker.free == (n < codes.FREE_PER_PAIR)
    owner = ask_code(LIN["email"], client=HERE)
    assert owner.free  # gets a code, and it passes
    assert pass_code(owner.secret, owner.code, address=LIN["email"])


def test_short_codes_of_one_address_are_few(database):
    lengths = [len(ask_code(LIN["email"], client=f"203.0.113.{n}").code) for n in range(12)]
    assert lengths == [6] * codes.SHORT_PER_HOUR + [10] * 7
    with connection.cursor() as cursor:
        cursor.execute("update guest_code set at = at - interval '2 hours'")
    later = [len(ask_code(LIN["email"], client=f"203.0.113.{n}").code) for n in range(3)]
    assert later == [10] * 3  # twelve today already
    assert len(ask_code(ZHOU["email"], client="203.0.113.200").code) == 6


def test_a_flood_from_many_places_asks_for_a_fact(database):
    for n in range(codes.FREE_PER_ADDRESS):
        assert ask_code(LIN["email"], client=f"2001:db8:{n:x}::1").free
    assert not ask_code(LIN["email"], client=HERE).free
    assert ask_code(ZHOU["email"], client=HERE).free


def test_a_client_that_asks_for_many_addresses_is_slowed(database):
    asked = [ask_code(f"c{n}@mail.example", client=f"2001:db8:1:1::{n:x}").free for n in range(24)]  # one network
    assert asked == [True] * codes.FREE_PER_CLIENT + [False] * 4


def test_old_requests_are_swept(database):
    ask_code(LIN["email"], client=HERE)
    with connection.cursor() as cursor:
        cursor.execute("update guest_code set at = at - interval '25 hours'")
        ask_code(ZHOU["email"], client=HERE)
        cursor.execute("select count(*) from guest_code")
        assert cursor.fetchone() == (1,)


# ---- whose address, which fact


def test_a_mailbox_of_several_opens_none_without_a_fact(database):
    lin, zhou = admit(LIN, ZHOU | {"email": LIN["email"]})
    found = candidates(LIN["email"])
    assert {one.core for one in found} == {lin, zhou}
    assert fitting(found, {"birth_date": "1985-11-02"}) == [zhou]
    assert fitting(found, {"external_id": "W-1"}) == [lin]
    assert fitting(found, {"birth_date": "1985-11-03", "external_id": "W-3"}) == []
    assert fitting(found, {}) == []
    with pytest.raises(ValueError, match="facts"):
        fitting(found, {"full_name": "林婉清"})


def test_a_name_says_who_of_several_is_meant_and_nothing_by_itself(database):
    mailbox = {"email": LIN["email"]}
    twin, second = {"birth_date": LIN["birth_date"]}, {"external_id": "W-3"}
    lin, zhou, again, other = admit(LIN, ZHOU | mailbox | twin, LIN | second, ZHOU | mailbox | {"external_id": "W-4"})
    found, born = candidates(LIN["email"]), {"birth_date": LIN["birth_date"]}
    assert len(fitting(found, born)) == 3
    assert meant(found, born, name=ZHOU["full_name"]) == zhou
    assert meant(found, born, name=LIN["full_name"]) == min(lin, again)  # the same person twice
    assert meant(found, born, name="") is None
    assert meant(found, {}, name=ZHOU["full_name"]) is None
    assert meant(found, {"birth_date": ZHOU["birth_date"]}, name="") == other


def test_a_probable_merge_makes_two_candidates_a_certain_one_makes_one(database):
    lin, again = admit(LIN, LIN | {"full_name": "林婉青", "external_id": "W-9"})
    link(lin, again, 3)
    assert {one.core for one in candidates(LIN["email"])} == {lin, again}
    link(lin, again, 2)
    assert candidates(LIN["email"]) == [Candidate(min(lin, again), False)]


def test_a_child_under_fourteen_is_marked_where_chinese_law_applies(database):
    (child,) = admit(LIN, age=2)
    (german,) = admit(ZHOU, age=2, packs=2)
    assert candidates(LIN["email"]) == [Candidate(child, True)]
    assert candidates(ZHOU["email"]) == [Candidate(german, False)]


def test_what_the_records_say_of_addresses_is_exact(database):
    (lin,) = admit(LIN)
    assert [one.normal for one in said_addresses(guest_actor(lin), lin)] == [LIN["email"]]


def test_facts_are_tried_a_few_times(database):
    asked = ask_code(LIN["email"], client=HERE)
    with pytest.raises(CodeRefused):  # no code passed yet
        passed_code(asked.secret, address=LIN["email"])
    pass_code(asked.secret, asked.code, address=LIN["email"])
    with pytest.raises(CodeRefused):
        passed_code(asked.secret, address=ZHOU["email"])
    for _ in range(codes.FACT_TRIES):
        passed_code(asked.secret, address=LIN["email"])
    with pytest.raises(CodeRefused):
        passed_code(asked.secret, address=LIN["email"])


def test_a_mailbox_has_its_facts_a_day_however_many_are_tried_at_once(database, monkeypatch):
    """Tried from one code and, signed in, from another, at the same moment: the last of the day is one."""
    monkeypatch.setattr(codes, "FACT_TRIES_A_DAY", 1)
    (lin,) = admit(LIN)
    one, another = (ask_code(LIN["email"], client=HERE) for _ in range(2))
    pass_code(one.secret, one.code, address=LIN["email"])
    guest = sign_in(lin, code=pass_code(another.secret, another.code, address=LIN["email"])).guest
    fits = []
    with transaction.atomic():
        passed_code(one.secret, address=LIN["email"])
        thread, _ = beside(lambda: fits.append(confirm_fact(guest.actor, lin, {"birth_date": LIN["birth_date"]})))
        until(lambda: bool(fits) or somebody_waits("advisory"))
    thread.join()
    assert fits == [False]


# ---- own data only


def test_a_guest_sees_their_own_with_sensitive_values_masked(database):
    lin, _ = admit(LIN, ZHOU)
    opened = read(guest_actor(lin), lin)
    assert values(opened) == {k: v for k, v in LIN.items() if k != "national_id"}
    assert values(opened, "masked") == {"national_id": "••••002X"}


def test_a_guest_gets_nothing_of_another_and_a_denied_row_stands_there(database):
    lin, zhou = admit(LIN, ZHOU)
    guest = guest_actor(lin)
    before = len(rows_of(zhou))
    opened = read(guest, zhou)
    assert opened[0].contributions == () and not opened[0].decision.finds
    assert {a.policy for a in opened[0].denied().values()} == {"house.default-deny"}
    after = rows_of(zhou)
    assert len(after) == before + 1 and after[-1][1].startswith("customer|") and "clear" not in after[-1][2]


def test_own_and_another_in_one_question(database):
    lin, zhou = admit(LIN, ZHOU)
    opened = gate().open([lin, zhou], actor=guest_actor(lin), purpose="rights-request")
    by = {one.customer: values([one]) for one in opened}
    assert by[lin]["full_name"] == "林婉清" and by[zhou] == {}


def test_what_a_probable_merge_joined_is_not_shown(database):
    lin, zhou = admit(LIN, ZHOU)
    link(lin, zhou, 3)
    guest = guest_actor(lin)
    opened = read(guest, lin)
    assert {c.subject for one in opened for c in one.contributions} == {lin}
    assert opened[0].origins == (lin,) and len(rows_of(zhou)) == 1  # nothing of it was used, nothing was recorded
    assert read(guest, zhou)[0].origins == (lin,)  # the other's id only names the customer
    link(lin, zhou, 2)
    assert {c.subject for one in read(guest, lin) for c in one.contributions} == {lin, zhou}
    with transaction.atomic():
        connection.ensure_connection()
        unassign(connection.connection, [(lin, zhou)], run=None, by=new_id())
    assert {c.subject for one in read(guest, lin) for c in one.contributions} == {lin}


@pytest.mark.parametrize("purpose", sorted(set(PURPOSES) - {"rights-request"}))
def test_a_guest_has_one_purpose(database, purpose):
    (lin,) = admit(LIN)
    opened = gate().open([lin], actor=guest_actor(lin), purpose=purpose)
    assert opened[0].contributions == () and not opened[0].decision.finds


def test_a_credential_ends_by_itself_and_by_signing_out(database):
    (lin,) = admit(LIN)
    first, second = sign_in(lin), sign_in(lin)
    assert guest_of(first.secret).subject == lin and 1790 < guest_of(first.secret).seconds <= 1800
    sign_out(first.guest.actor)
    with pytest.raises(NotSignedIn):
        guest_of(first.secret)
    assert read(first.guest.actor, lin)[0].denied()["email"].policy == "house.credential"
    with connection.cursor() as cursor:
        cursor.execute("update actor_state set expires_at = clock_timestamp() where subject is not null")
    with pytest.raises(NotSignedIn):
        guest_of(second.secret)
    assert values(read(second.guest.actor, lin)) == {}
    with pytest.raises(NotSignedIn):
        guest_of("made up")


def test_a_second_fact_opens_sensitive_values_for_a_while(database):
    (lin,) = admit(LIN)
    asked = ask_code(LIN["email"], client=HERE)
    guest = sign_in(lin, code=pass_code(asked.secret, asked.code, address=LIN["email"])).guest
    assert not confirm_fact(guest.actor, lin, {"birth_date": "1990-03-26"})
    assert values(read(guest.actor, lin, fields=["national_id"])) == {}
    assert confirm_fact(guest.actor, lin, {"birth_date": "1990-03-25"})
    assert values(read(guest.actor, lin, fields=["national_id"])) == {"national_id": LIN["national_id"]}
    with connection.cursor() as cursor:
        cursor.execute("update actor_state set second_factor_at = second_factor_at - interval '11 minutes'")
    assert values(read(guest.actor, lin, fields=["national_id"])) == {}


def test_a_second_fact_cannot_be_guessed_for_long(database):
    (lin,) = admit(LIN)
    asked = ask_code(LIN["email"], client=HERE)
    guest = sign_in(lin, code=pass_code(asked.secret, asked.code, address=LIN["email"])).guest
    for _ in range(2 * codes.FACT_TRIES):
        assert not confirm_fact(guest.actor, lin, {"external_id": "W-0"})
    assert not confirm_fact(guest.actor, lin, {"external_id": "W-1"})


def test_one_passed_code_makes_one_credential(database):
    (lin,) = admit(LIN)
    asked = ask_code(LIN["email"], client=HERE)
    passed = pass_code(asked.secret, asked.code, address=LIN["email"])
    sign_in(lin, code=passed)
    with pytest.raises(NotSignedIn):
        sign_in(lin, code=passed)


def test_the_dead_are_not_opened_by_their_mailbox(database):
    (lin,) = admit(LIN)
    guest = guest_actor(lin)
    enter(lin, "deceased", by=new_id(), id=new_id())
    assert read(guest, lin)[0].denied()["email"].policy == "house.deceased-own-data"


def test_acts_with_an_own_credential_stay_on_its_certain_part(database):
    lin, zhou = admit(LIN, ZHOU)
    guest = guest_actor(lin)
    with pytest.raises(Refused), transaction.atomic():
        record_act("consent", zhou, actor=guest, purpose=RIGHTS)
    with pytest.raises(Refused), transaction.atomic():
        record_act("request", None, actor=guest, purpose=RIGHTS)
    link(lin, zhou, 3)
    before = len(rows_of(zhou))
    with transaction.atomic():
        record_act("request", lin, actor=guest, purpose=RIGHTS)
    assert len(rows_of(zhou)) == before
    sign_out(guest)
    with pytest.raises(Refused) as ended, transaction.atomic():
        record_act("request", lin, actor=guest, purpose=RIGHTS)
    assert ended.value.policy == "house.credential"


def test_no_leaf_names_the_customer_as_actor(database):
    (lin,) = admit(LIN)
    read(guest_actor(lin), lin)
    with connection.cursor() as cursor:
        cursor.execute("select count(*) from ledger_entry where actor = %s or human = %s", [lin, lin])
        assert cursor.fetchone() == (0,)


def test_an_erasure_takes_the_credentials(database):
    (lin,) = admit(LIN)
    made = sign_in(lin)
    assert GuestHolder().erase(lin) == 1
    with pytest.raises(NotSignedIn):
        guest_of(made.secret)
    assert read(made.guest.actor, lin) == []


def test_staff_reads_are_as_before(database):
    lin, zhou = admit(LIN, ZHOU)
    link(lin, zhou, 3)
    opened = gate().open([lin], actor=staff("service"), purpose="service")
    assert {c.subject for one in opened for c in one.contributions} == {lin, zhou}
