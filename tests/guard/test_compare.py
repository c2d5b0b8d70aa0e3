"""Match-only: yes or no, never the value; recorded, limited, and of no use to whoever guesses."""

from __future__ import annotations

import hmac
import itertools
import json
import threading
from uuid import uuid4

import pytest
from django.db import connection
from hypothesis import given
from hypothesis import strategies as st

from kehu.govern.dictionary import Dictionary
from kehu.govern.parts import UnknownSubject
from kehu.govern.slugs import ACTIONS
from kehu.govern.states import enter
from kehu.guard.gate import compare as comparing
from kehu.guard.gate.acts import Refused
from kehu.guard.gate.decisions import LET_OUT, Ask, actions_of
from kehu.guard.gate.read import gate
from kehu.guard.gate.tries import MOST_WRONG, MOST_WRONG_OF_ONE
from kehu.guard.gate.uses import USES
from kehu.guard.staff.actions import actor_of, add_staff
from kehu.serve.assurance import queries
from kehu.serve.desk.queries import explain, find, show
from kehu.serve.desk.verifying import verify
from kehu.vault.ids import new_id
from tests.cast import admit, staff

LIN = {
    "full_name": "林婉清", "email": "lin@mail.example", "birth_date": "1990-03-14", "national_id": "11010519491231002X",
}  # fmt: skip


def asked(subject, said, actor, field="birth_date"):
    return verify(subject, field, said, actor=actor, purpose="service").matched


def test_an_answer_is_compared_in_any_usual_form_and_never_shown(database):
    alice, [lin] = staff("service"), admit(LIN)
    assert asked(lin, "1990-03-14", alice) and asked(lin, "1990年3月14日", alice) and asked(lin, "14/03/1990", alice)
    assert asked(lin, "1990-03-15", alice) is False
    assert asked(lin, "110105 19491231 002x", alice, "national_id") and asked(lin, "002x", alice, "national_id")
    assert asked(lin, "００２ｘ", alice, "national_id") and asked(lin, "00 2X", alice, "national_id")
    assert asked(lin, "0021", alice, "national_id") is False
    assert "1990" not in repr(verify(lin, "birth_date", "1990-03-14", actor=alice, purpose="service"))


def test_nothing_held_is_no_answer_and_no_wrong_one(database):
    alice, [nobody] = staff("service"), admit({"full_name": "王"})
    for _ in range(MOST_WRONG + 1):
        assert asked(nobody, "1990-03-14", alice) is None
    with pytest.raises(UnknownSubject):
        asked(uuid4(), "1990-03-14", alice)
    with pytest.raises(ValueError, match="cannot be one"):
        asked(nobody, "no date", alice)


def test_five_wrong_answers_an_hour_whoever_gives_them(database):
    """The limit stands in the database: another process, another colleague and another customer's tries change nothing."""
    alice, [lin, other] = staff("service"), admit(LIN, LIN | {"email": "other@mail.example"})
    made, _ = add_staff(email="bo@kehu.example", role="service", department=None, attest=True)
    for day in range(1, MOST_WRONG):
        assert asked(lin, f"1991-01-0{day}", alice) is False
    assert asked(lin, "1990-03-14", alice)  # right ones are not counted
    assert asked(lin, "1992-02-02", actor_of(made.email)) is False
    with pytest.raises(Refused) as refused:
        asked(lin, "1990-03-14", alice)
    assert refused.value.policy == "house.match-limit"
    assert asked(other, "1990-03-14", alice)
    with connection.cursor() as cursor:
        cursor.execute("update gate_comparison set at = at - interval '61 minutes'")
    assert asked(lin, "1990-03-14", alice)


def test_many_at_once_gain_no_try(database):
    alice, [lin] = staff("service"), admit(LIN)
    outcomes = []

    def guess(day):
        try:
            outcomes.append(asked(lin, f"1991-01-{day:02}", alice))
        except Refused as refused:
            outcomes.append(refused.policy)
        finally:
            connection.close()

    threads = [threading.Thread(target=guess, args=(day,)) for day in range(1, 13)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert outcomes.count(False) == MOST_WRONG and outcomes.count("house.match-limit") == 12 - MOST_WRONG


def test_one_member_of_staff_cannot_go_round_the_customers(database):
    alice = staff("service")
    people = admit(*({"full_name": f"P{n}", "birth_date": "1990-03-14"} for n in range(MOST_WRONG_OF_ONE + 1)))
    for one in people[:-1]:
        assert asked(one, "1980-01-01", alice) is False
    with pytest.raises(Refused):
        asked(people[-1], "1990-03-14", alice)


def test_what_denies_a_reading_denies_a_comparison_and_takes_no_try(database):
    alice, [lin] = staff("service"), admit(LIN)
    enter(lin, "restriction", by=alice.staff, id=new_id())
    for _ in range(MOST_WRONG + 1):
        with pytest.raises(Refused) as refused:
            asked(lin, "1990-03-14", alice)
        assert refused.value.policy == "house.restriction"


def test_each_comparison_is_a_row_of_its_own_and_says_nothing_of_the_answer(database):
    alice, auditor, [lin] = staff("service"), staff("auditor"), admit(LIN)
    right = verify(lin, "birth_date", "1990-03-14", actor=alice, purpose="service").seq
    wrong = verify(lin, "birth_date", "1990-03-15", actor=alice, purpose="service").seq
    rows = {row["seq"]: row for row in queries.rows(actor=auditor, subject=lin)}
    assert rows[right]["action"] == "match" and rows[right]["fields"] == ["birth_date"]
    assert rows[right]["answer"] == rows[wrong]["answer"] == "match-only"
    with connection.cursor() as cursor:
        cursor.execute("select row_to_json(g)::text from gate_comparison g")
        kept = "".join(row[0] for row in cursor.fetchall())
        cursor.execute("select string_agg(ask || answer::text, '') from gate_decision")
        assert "1990" not in kept + cursor.fetchone()[0]


def test_match_only_comes_out_of_no_other_door(database):
    alice, [lin] = staff("service"), admit(LIN)
    seen = show(lin, actor=alice, purpose="service", fields=["full_name", "birth_date", "national_id"])
    assert set(seen.fields) == {"full_name"} and seen.masked == {} and set(seen.denied) == {"birth_date", "national_id"}
    assert explain(lin, actor=alice, purpose="service", fields=["birth_date"])["birth_date"].answer == "match-only"
    assert find({"birth_date": "1990-03-14"}, actor=alice, purpose="service")[0] == []
    for use in sorted(set(USES) - {"contact"}):
        for masked in (False, True):
            opened = gate().open([lin], actor=alice, purpose="service", fields=LIN, use=use, masked=masked)
            out = {one.field for one in opened[0].contributions}
            assert not out & {"birth_date", "national_id"}, use
            said = json.dumps([one.answer for row in opened[0].decision.fields.values() for one in row])
            assert use in ("read", "explain", "match") or "match-only" not in said


@given(
    use=st.sampled_from(sorted(ACTIONS)), masked=st.booleans(), field=st.sampled_from(sorted(Dictionary.load().fields))
)
def test_only_a_comparison_and_who_is_told_meet_match_only(use, masked, field):
    """Whatever is asked: a use that lists, finds or exports has no such answer at all, and none is let out."""
    tried = actions_of(Ask("service", use, (field,), masked, "", "none", "", False), field)
    assert ("match" in tried) == (use in ("read", "explain", "match"))
    assert use != "match" or tried == ("match",)
    assert "match-only" not in LET_OUT


def test_a_comparison_takes_the_same_way_whatever_differs(monkeypatch):
    """Every form is compared with every value; nothing ends at the first difference or the first hit."""
    calls, real = [], hmac.compare_digest
    monkeypatch.setattr(comparing.hmac, "compare_digest", lambda a, b: calls.append(len(a)) or real(a, b))
    held = (["1990-03-14", "x"], ["y", "1990-03-14"])
    for values, said in itertools.product(held, (("1990-03-14", "q"), ("r", "s"))):
        calls.clear()
        assert comparing._matched(values, said, 0) == ("1990-03-14" in said)
        assert calls == [32] * 4
    assert comparing._matched([], ("a",), 0) is None
