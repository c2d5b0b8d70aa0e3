"""Whom nobody has to tell where their data came from: on an excuse that every law of theirs knows, with its reason."""

from __future__ import annotations

import pytest

from kehu.govern.deadlines import NotExcused, excused_by
from kehu.govern.models import Informed
from kehu.guard.gate.acts import Refused
from kehu.guard.staff.actions import owner_actor
from kehu.serve.rights.holders import InformedHolder
from kehu.serve.sources import informing, noted, untold
from kehu.vault.ids import new_id
from tests.cast import staff
from tests.suppliers import member, policy_of


@pytest.mark.parametrize(("residence", "why", "knows"), [
    ("DE", "knows", "GDPR 14(5)(a)"), ("DE", "effort", "GDPR 14(5)(b)"), ("CN", "law", "PIPL 18"), ("CN", "effort", ""),
    ("AU", "effort", "House rule 36"),
])  # fmt: skip
def test_whom_the_law_lets_one_not_tell_is_noted_and_then_used(registered, bring, letters, residence, why, knows):
    registered()
    service = staff("service")
    bring("external_id,full_name,email\nB-1,Lin,lin@kehu.example\nB-2,Wu,wu@kehu.example\n", residence=residence)
    lin, _ = (row.customer for row in untold.waiting(actor=member("privacy")))
    before = policy_of(lin, actor=service)
    if not knows:
        with pytest.raises(NotExcused, match="PIPL 17"):
            informing.excuse([lin], why, reason="printed in the register", actor=member("privacy"))
        assert untold.figures().due == 2 and not Informed.objects.exists()
        return
    with pytest.raises(Refused):
        informing.excuse([lin], why, reason="printed in the register", actor=member("service"))
    for wrong in ({"reason": "short"}, {"reason": "x" * 201}):
        with pytest.raises(ValueError):
            informing.excuse([lin], why, actor=member("privacy"), **wrong)
    assert informing.excuse([lin, lin], why, reason="printed in the register", actor=member("privacy")) == 1
    due = untold.figures()
    assert (due.due, due.told) == (1, 0)
    assert informing.send(actor=member("privacy")).mailed == 1 and [letter.to for letter in letters] == [
        ["wu@kehu.example"]
    ]
    held = InformedHolder().export(lin, actor=owner_actor())["informed"]
    assert [(row["way"], row["excuse"], row["reason"]) for row in held] == [("excused", why, "printed in the register")]
    assert knows in excused_by([residence] if residence in ("CN", "AU") else ["EU"], why)
    after = policy_of(lin, actor=service)
    assert after[0] == "clear" and (residence != "CN" or before == ("denied", "cn.pipl.17-told"))


def test_all_of_them_are_excused_or_none(registered, bring, letters):
    registered()
    bring("external_id,full_name,email\nB-1,Lin,lin@kehu.example\n", residence="DE")
    bring("external_id,full_name,email\nB-2,Wu,wu@kehu.example\n", residence="CN")
    both = [row.customer for row in untold.waiting(actor=member("privacy"))]
    with pytest.raises(NotExcused):
        informing.excuse(both, "knows", reason="printed in the register", actor=member("privacy"))
    assert untold.figures().due == 2 and not Informed.objects.exists()
    with pytest.raises(LookupError):
        informing.excuse([*both, new_id()], "law", reason="printed in the register", actor=member("privacy"))
    assert informing.excuse(both, "law", reason="printed in the register", actor=member("privacy")) == 2
    with pytest.raises(LookupError):
        informing.excuse(both, "law", reason="printed in the register", actor=member("privacy"))


@pytest.mark.parametrize("way", ["posted", "excused"])
def test_what_was_noted_by_mistake_is_taken_back_and_stays_noted(registered, bring, letters, way):
    """They wait again, by the day they had, nothing of that source opens before; their copy and the list say both."""
    registered()
    service, privacy = staff("service"), member("privacy")
    bring("external_id,full_name,email\nB-1,Lin,lin@kehu.example\nB-2,Wu,wu@kehu.example\n")
    lin, wu = (row.customer for row in untold.waiting(actor=privacy))
    [due, _] = untold.waiting(actor=privacy)
    for subject in (lin, wu):
        if way == "posted":
            informing.posted([subject], actor=privacy)
        else:
            informing.excuse([subject], "law", reason="printed in the register", actor=privacy)
    assert policy_of(lin, actor=service)[0] == "clear" and untold.figures().due == 0
    [_, first] = noted.noted(actor=privacy, limit=10)
    assert (first.customer, first.way) == (lin, "post" if way == "posted" else "excused")
    with pytest.raises(Refused):
        noted.take_back(first.id, actor=member("service"))
    assert noted.take_back(first.id, actor=privacy) == lin
    assert policy_of(lin, actor=service) == ("denied", "cn.pipl.17-told")
    [again] = untold.waiting(actor=privacy)
    assert (again.customer, again.by, again.seen) == (lin, due.by, due.seen)
    assert untold.figures().told == (1 if way == "posted" else 0)
    for once_more in (
        lambda: noted.take_back(first.id, actor=privacy),
        lambda: noted.take_back_last(lin, actor=privacy),
    ):
        with pytest.raises(noted.NothingNoted):
            once_more()
    [row] = InformedHolder().export(lin, actor=owner_actor())["informed"]
    assert row["way"] == first.way and row["taken_back_at"]
    [_, stays] = noted.noted(actor=privacy, limit=10)
    assert stays.id == first.id and stays.taken_back_at is not None
    assert policy_of(wu, actor=service)[0] == "clear"  # of the other it stands
    assert informing.posted([lin], actor=privacy) == 1 and untold.figures().due == 0
    assert noted.take_back_last(wu, actor=privacy) == wu


def test_what_they_were_told_since_stays_told(registered, bring, letters):
    """Of whom another kind of data came after the mistake: the letter told of all that the source gave."""
    registered()
    privacy = member("privacy")
    bring("external_id,full_name,email\nB-1,Lin,lin@kehu.example\n")
    [lin] = (row.customer for row in untold.waiting(actor=privacy))
    informing.posted([lin], actor=privacy)
    [note] = noted.noted(actor=privacy, limit=10)
    bring("external_id,full_name,email,interests\nB-1,Lin,lin@kehu.example,tea\n")  # another kind: told anew
    assert informing.send(actor=privacy).mailed == 1
    noted.take_back(note.id, actor=privacy)
    assert untold.figures().due == 0 and [row.way for row in Informed.objects.filter(taken_back_at=None)] == ["email"]
