"""Where one law demands what another forbids: denied under a name of its own, with both laws, and to counsel."""

from __future__ import annotations

import pytest

from kehu.govern.laws import PACKS
from kehu.govern.purposes import load_purposes
from kehu.govern.slugs import LANGUAGES
from kehu.guard.gate.conflict import Conflict, conflict_of
from kehu.guard.gate.read import gate
from kehu.serve.desk.queries import explain
from tests.cast import admit, shipped_with, staff
from tests.guard.policy_cases import FOLDER, answer, request
from tests.guard.test_policies import POLICIES

ABROAD = {"role": "legal", "purpose": "legal", "recipient_kind": "authority", "country": "US"}
TWO = "house.conflict:US:cn.pipl.41-foreign-authority"


def test_both_laws_are_named_in_every_language_and_counsel_decides():
    said = answer(POLICIES, **ABROAD, residence="unknown")
    assert (said.answer, said.policy) == ("denied", TWO)
    assert set(said.others) == {"cn.pipl.41-foreign-authority", "eu.gdpr.48-foreign-authority"} | set(said.others)
    for language in LANGUAGES:
        text = POLICIES.text(TWO, language)
        assert "US" in text.reason and "PIPL 41" in text.reason and "{" not in text.reason + text.remedy
        assert "kehu authority approval" in text.remedy


def test_a_law_that_does_not_apply_demands_nothing():
    assert answer(POLICIES, **ABROAD).policy == "cn.pipl.41-foreign-authority"  # under Chinese law alone
    assert answer(POLICIES, **ABROAD | {"country": "BR"}, residence="unknown").policy == "cn.pipl.41-foreign-authority"


def asked(grounds, packs=PACKS, **more):
    _, context, held = request(role="service", purpose="service", **more)
    context |= {"packs": sorted(packs), "grounds": {law: grounds.get(law, "contract") for law in context["grounds"]}}
    principal = request(role="service", purpose="service")[0]
    return POLICIES.decide(principal, context, [held])[held]


def test_a_duty_under_one_law_and_no_consent_under_another_is_one():
    said = asked({"EU": "legal_duty", "CN": "consent"})
    assert (said.answer, said.policy) == ("denied", "house.conflict:EU:cn.pipl.consent-none")
    assert asked({"EU": "legal_duty", "CN": "consent"}, packs=("CN",)).policy == "cn.pipl.consent-none"
    assert asked({"EU": "contract", "CN": "consent"}).policy == "cn.pipl.consent-none"  # a contract is no demand
    assert asked({"EU": "legal_duty"}).answer == "clear"


@pytest.mark.parametrize("more", [{"restricted": True}, {"objected": True, "ground": "consent"}, {"kept": True}])
def test_where_the_house_refuses_it_is_none(more):
    assert asked({"EU": "legal_duty", "CN": "consent"}, **more).policy.startswith("house.")
    assert Conflict.parse(asked({"EU": "legal_duty", "CN": "consent"}, **more).policy) is None


def test_a_law_that_forbids_what_it_demands_is_none():
    context = request()[1] | {"packs": ["CN", "EU"], "grounds": dict.fromkeys((*PACKS, "house"), "legal_duty")}
    assert conflict_of(context, ("eu.gdpr.8-child",)) is None
    assert conflict_of(context | {"grounds": context["grounds"] | {"EU": "consent"}}, ("eu.gdpr.8-child",)) == (
        "CN",
        "eu.gdpr.8-child",
    )
    assert conflict_of(context, ()) is None and conflict_of(context, ("house.kept", "eu.gdpr.8-child")) is None


def test_who_may_not_ask_learns_nothing_of_it():
    asked = ABROAD | {"role": "service", "residence": "unknown"}
    assert Conflict.parse(answer(POLICIES, **asked).policy) is None


def test_the_gate_answers_with_it_and_the_ledger_keeps_it(database):
    grounds = dict(load_purposes()["service"].grounds) | {"CN": "consent", "EU": "legal_duty"}
    shipped_with(database, "service", grounds=grounds)
    service = staff("service")
    [one] = admit({"full_name": "A", "email": "a@mail.example"}, packs=31)
    said = explain(one, actor=service, purpose="service")["email"]
    assert (said.answer, said.policy) == ("denied", "house.conflict:EU:cn.pipl.consent-none")
    [opened] = gate().open([one], actor=service, purpose="service", fields=["email"])
    assert not opened.decision.finds and opened.decision.of("email").policy == said.policy
    assert opened.contributions == ()


def test_the_table_has_conflicts():
    assert any(TWO in path.read_text(encoding="utf-8") for path in FOLDER.glob("*.toml"))
