"""A restriction or an objection is lifted with a reason, and not before the person was told (GDPR 18(3))."""

from __future__ import annotations

import pytest
from django.test import override_settings

from kehu.govern.models import StateEntry
from kehu.govern.slugs import PURPOSES
from kehu.govern.states import NotInForce
from kehu.guard.gate.acts import ActRefused
from kehu.guard.staff.actions import owner_actor
from kehu.serve.rights.consents import actions
from kehu.serve.rights.consents.lifting import NotTold
from tests.cast import admit, staff
from tests.serve.holdings import MARK, PERSON, link, places, raw
from tests.serve.test_export import opened, to_key

MARKETING = PURPOSES["marketing"]
BOTH = [("restriction", "restrict", None), ("objection", "object", MARKETING), ("objection", "object", 0)]


def lift(subject, kind, act, purpose, **options):
    said = {"reason": f"{MARK} was right", "actor": owner_actor(), "act": act, "purpose": purpose} | options
    actions.lift_state(subject, kind, **said)


@pytest.mark.parametrize(("kind", "act", "purpose"), BOTH)
def test_whom_it_protects_is_told_before_it_is_lifted(database, letters, kind, act, purpose):
    [lin] = admit(PERSON)
    actions.enter_state(lin, kind, actor=owner_actor(), act=act, purpose=purpose)
    for wrong in ({"reason": " "}, {"reason": "x" * 4001}, {"told": "shouted"}):
        with pytest.raises(ValueError, match=r"reason|told"):
            lift(lin, kind, act, purpose, **wrong)
    with pytest.raises(ActRefused):
        lift(lin, kind, act, purpose, actor=staff("service"))
    assert letters == [] and [row["kind"] for row in actions.states(lin)] == [kind]
    lift(lin, kind, act, purpose, actor=staff("privacy"))
    [letter] = letters
    assert letter.to == [PERSON["email"]] and MARK not in letter.subject + letter.body  # neither the reason nor a value
    assert actions.states(lin) == [] and places(MARK) == {"vault", "lifted"}
    assert raw().execute("select told from govern_stateentry").fetchall() == [("email",)]
    with pytest.raises(NotInForce):
        lift(lin, kind, act, purpose)
    assert len(letters) == 1


def test_why_it_was_lifted_and_how_they_were_told_is_in_their_copy(database, letters, tmp_path):
    [lin] = admit(PERSON)
    actions.enter_state(lin, "restriction", actor=owner_actor(), act="restrict", reason="disputes")
    lift(lin, "restriction", "restrict", None, told="post")
    data, page = opened(to_key(lin, actor=owner_actor(), to=tmp_path / "a.age"))
    [state] = data["states"]
    assert (state["reason"], state["lifted_because"], state["told"]) == ("disputes", f"{MARK} was right", "post")
    assert "Why it was lifted" in page


def test_whom_no_letter_reaches_stays_restricted_until_they_were_told_otherwise(database, letters):
    [lin] = admit({"full_name": "林", "phone": "+8613800006721"})
    actions.enter_state(lin, "restriction", actor=owner_actor(), act="restrict")
    with pytest.raises(NotTold):
        lift(lin, "restriction", "restrict", None)
    assert len(actions.states(lin)) == 1
    lift(lin, "restriction", "restrict", None, told="post")
    assert actions.states(lin) == [] and letters == [] and StateEntry.objects.get().told == "post"


def test_what_came_while_the_letter_went_stays_in_force(database, letters, monkeypatch):
    """No letter went of it, and why the other was lifted is not why it would be."""
    [lin] = admit(PERSON)
    actions.enter_state(lin, "restriction", actor=owner_actor(), act="restrict", reason="first")
    write = actions.write_before

    def slow(rows, *, actor):
        write(rows, actor=actor)
        actions.enter_state(lin, "restriction", actor=owner_actor(), act="restrict", reason="second")

    monkeypatch.setattr(actions, "write_before", slow)
    lift(lin, "restriction", "restrict", None)
    assert [row["reason"] for row in actions.states(lin, actor=owner_actor())] == ["second"] and len(letters) == 1
    assert [row.told for row in StateEntry.objects.exclude(ended_at=None)] == ["email"]
    assert raw().execute("select restricted from subject_state").fetchone() == (True,)


def test_nothing_is_lifted_while_the_mail_server_is_away(database):
    [lin] = admit(PERSON)
    actions.enter_state(lin, "restriction", actor=owner_actor(), act="restrict")
    with (
        override_settings(
            EMAIL_BACKEND="django.core.mail.backends.smtp.EmailBackend", EMAIL_HOST="127.0.0.1", EMAIL_PORT=9
        ),
        pytest.raises(NotTold),
    ):
        lift(lin, "restriction", "restrict", None)
    assert len(actions.states(lin)) == 1


def test_the_letter_goes_to_whom_the_restriction_is_of_and_not_to_whom_linkage_joined(database, letters):
    lin, maybe = admit(PERSON, {"full_name": "王", "email": "w@m.example"})
    link(lin, maybe, 3)
    actions.enter_state(lin, "restriction", actor=owner_actor(), act="restrict")
    lift(maybe, "restriction", "restrict", None)
    assert [letter.to for letter in letters] == [[PERSON["email"]]]
