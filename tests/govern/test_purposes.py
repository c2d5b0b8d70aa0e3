"""The shipped purposes: who may claim them, on which ground, with which fields."""

from __future__ import annotations

import pytest

from kehu.govern import purposes as module
from kehu.govern.dictionary import Dictionary
from kehu.govern.laws import PACKS
from kehu.govern.purposes import claims_of, load_purposes
from kehu.govern.slugs import LANGUAGES, PURPOSES

CLAIMS = {
    "service": "service fulfilment complaints accuracy",
    "marketing": "marketing personalisation analytics",
    "analyst": "analytics",
    "manager": "service fulfilment billing analytics complaints",
    "privacy": "rights-request complaints accuracy claims",
    "legal": "legal claims credit",
    "auditor": "security",
    "engineer": "",
    "owner": "",
}
EVERYWHERE = [*PACKS, "house"]


@pytest.mark.parametrize(("role", "claims"), CLAIMS.items())
def test_a_role_claims_what_ships(role, claims):
    assert claims_of(role) == set(claims.split())


def test_the_thirteen_ship():
    assert set(load_purposes()) == set(PURPOSES)


@pytest.mark.parametrize("purpose", load_purposes().values(), ids=lambda purpose: purpose.slug)
def test_a_purpose(purpose):
    assert purpose.least and set(purpose.labels) == set(purpose.descriptions) == set(LANGUAGES)
    assert purpose.grounds["CN"] != "legitimate_interest"
    assert purpose.retention_days > 0


def test_grounds():
    grounds = {slug: purpose.grounds for slug, purpose in load_purposes().items()}
    for slug in ("marketing", "personalisation"):
        assert {grounds[slug][law] for law in EVERYWHERE} == {"consent"}
    for slug in ("service", "fulfilment", "billing", "complaints"):
        assert {grounds[slug][law] for law in EVERYWHERE} == {"contract"}
    for slug in ("legal", "security", "accuracy", "rights-request", "claims"):
        assert {grounds[slug][law] for law in EVERYWHERE} == {"legal_duty"}
    for slug in ("analytics", "credit"):
        assert [law for law in EVERYWHERE if grounds[slug][law] == "consent"] == ["CN"]


def test_rights_requests_and_claims_reach_everything():
    for slug in ("rights-request", "claims", "legal"):
        assert load_purposes()[slug].least == set(Dictionary.load().fields)


def test_analytics_never_reaches_identity():
    least = load_purposes()["analytics"].least
    named = {"full_name", "email", "phone", "address", "birth_date", "external_id", "order_id", "text", "handle"}
    assert not least & named
    assert all(Dictionary.load().field(name).level < 4 for name in least)


@pytest.mark.parametrize("purpose", ["service", "marketing", "analytics", "billing", "complaints", "security"])
def test_everyday_purposes_need_no_sensitive_field(purpose):
    assert all(Dictionary.load().field(name).level < 4 for name in load_purposes()[purpose].least)


@pytest.mark.parametrize(
    "change",
    [{"id": 2}, {"roles": ["king"]}, {"least": ["soul"]}, {"grounds": {"CN": "consent"}}, {"kind": "habit"},
     {"label": {"en": "Service"}}, {"recipients": "carrier"}, {"countries": ["Germany"]}, {"automated": 1},
     {"retention_days": 0}, {"departments": [""]}],
)  # fmt: skip
def test_a_faulty_table_is_refused(change):
    words = dict.fromkeys(LANGUAGES, "x")
    row = {"id": 1, "version": 1, "kind": "contract", "roles": ["service"], "departments": [], "least": ["@n"],
           "grounds": dict.fromkeys(EVERYWHERE, "contract"), "retention_days": 1, "label": words,
           "description": words, "recipients": [], "countries": [], "automated": False}  # fmt: skip
    sets = {"n": ["full_name"]}
    assert module._shipped("service", row, sets)[1]["least"] == ["full_name"]
    with pytest.raises(ValueError, match="purpose service"):
        module._shipped("service", {**row, **change}, sets)


def test_a_changed_set_is_a_changed_purpose():
    words = dict.fromkeys(LANGUAGES, "x")
    row = {"id": 1, "version": 1, "kind": "contract", "roles": [], "departments": [], "least": ["@n"],
           "grounds": dict.fromkeys(EVERYWHERE, "contract"), "retention_days": 1, "label": words,
           "description": words, "recipients": [], "countries": [], "automated": False}  # fmt: skip
    one = module.purpose_of("service", 1, 0, module._shipped("service", row, {"n": ["full_name"]})[1])
    two = module.purpose_of("service", 1, 0, module._shipped("service", row, {"n": ["full_name", "email"]})[1])
    assert one.digest != two.digest


def test_legitimate_interest_under_china_is_refused():
    words = dict.fromkeys(LANGUAGES, "x")
    row = {"id": 1, "version": 1, "kind": "contract", "roles": [], "departments": [], "least": [],
           "grounds": {**dict.fromkeys(EVERYWHERE, "contract"), "CN": "legitimate_interest"}, "retention_days": 1,
           "label": words, "description": words, "recipients": [], "countries": [], "automated": False}  # fmt: skip
    with pytest.raises(ValueError, match="PIPL 13"):
        module._shipped("service", row, {})
