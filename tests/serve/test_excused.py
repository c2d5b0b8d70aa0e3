"""Whom nobody has to tell where their data came from: on an excuse that every law of theirs knows, with its reason."""

from __future__ import annotations

import pytest

from kehu.govern.deadlines import NotExcused, excused_by
from kehu.govern.models import Informed
from kehu.guard.gate.acts import Refused
from kehu.guard.staff.actions import owner_actor
from kehu.serve.rights.holders import InformedHolder
from kehu.serve.sources import informing, untold
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
