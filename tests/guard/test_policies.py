"""The policies: each row of the lawyers' tables, and that every policy and every attribute counts."""

from __future__ import annotations

import dataclasses
import shutil
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kehu.govern.purposes import claims_of, load_purposes
from kehu.govern.slugs import EVENTS, LANGUAGES, PURPOSES, ROLES
from kehu.guard.gate.conflict import Conflict
from kehu.guard.gate.policies import DEFAULT_DENY, POLICY_ERROR, FieldClass, PolicySet
from kehu.guard.gate.rulebook import Rulebook
from kehu.guard.gate.state import AGE, CONSENT, CONSENT_KIND
from kehu.host.paths import policies_dir
from tests.guard.policy_cases import answer, collect_answer, request, rows

BOOK = Rulebook.load(policies_dir())
POLICIES = PolicySet(BOOK)
ROWS, COLLECT = rows("rows"), rows("collect")
SETTINGS = ("says", "answer", "policy", "file")


def outcome(policies, row):
    case = {key: value for key, value in row.items() if key not in SETTINGS}
    ask = collect_answer if row["file"] == "collect" else answer
    given = ask(policies, **case)
    return given.answer, given.policy


@pytest.mark.parametrize("row", ROWS + COLLECT, ids=lambda row: f"{row['file']}: {row['says']}")
def test_row(row):
    assert outcome(POLICIES, row) == (row["answer"], row["policy"])


def test_every_policy_decides_some_row():
    named = {row["policy"] for row in ROWS + COLLECT if Conflict.parse(row["policy"]) is None}
    assert set(POLICIES) == named - {DEFAULT_DENY, POLICY_ERROR}


@pytest.mark.parametrize("name", sorted(BOOK.policies))
def test_without_a_policy_its_rows_fail(name):
    less = {held: policy for held, policy in BOOK.policies.items() if held != name}
    policies = PolicySet(dataclasses.replace(BOOK, policies=less))
    for row in ROWS + COLLECT:
        if row["policy"] == name:
            assert outcome(policies, row) != (row["answer"], row["policy"])


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("purpose", PURPOSES)
def test_a_role_reads_for_its_purposes_only(role, purpose):
    principal, context, held = request(
        role=role, purpose=purpose, field="country", consent="given", consent_kind="general", version_covered=True
    )
    held = dataclasses.replace(held, in_least=True)
    given = POLICIES.decide(principal, context, [held])[held]
    assert given.answer == ("clear" if purpose in claims_of(role) else "denied")
    assert given.policy == (f"house.role-{role}" if purpose in claims_of(role) else DEFAULT_DENY)


PRINCIPAL, CONTEXT, HELD = request()


@pytest.mark.parametrize("name", PRINCIPAL)
def test_a_missing_fact_of_the_asker_denies(name):
    less = {held: value for held, value in PRINCIPAL.items() if held != name}
    assert POLICIES.decide(less, CONTEXT, [HELD])[HELD].answer == "denied"
    assert POLICIES.decide(less, CONTEXT, [HELD])[HELD].policy == POLICY_ERROR


@pytest.mark.parametrize("name", CONTEXT)
def test_a_missing_fact_of_the_customer_denies(name):
    less = {held: value for held, value in CONTEXT.items() if held != name}
    assert POLICIES.decide(PRINCIPAL, less, [HELD])[HELD].policy == POLICY_ERROR


@pytest.mark.parametrize("law", CONTEXT["grounds"])
def test_a_missing_ground_denies(law):
    less = {held: value for held, value in CONTEXT["grounds"].items() if held != law}
    assert POLICIES.decide(PRINCIPAL, {**CONTEXT, "grounds": less}, [HELD])[HELD].policy == POLICY_ERROR


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("consent", "Withdrawn"), ("consent", ""), ("consent_kind", "Specific"), ("age", "12"), ("age", None),
        ("provenance", "on_consent"), ("recipient_kind", "Sale"), ("event", "Publish"), ("medium", "fax"), ("topic_kind", "advert"),
        ("subscription", "Subscribed"), ("subscription_ground", "interest"), ("country", None), ("by_guardian", 0), ("packs", ["cn"]), ("packs", "CN "), ("use", "peek"),
        ("kind", ""), ("restricted", "no"), ("restricted", 0), ("purpose", 4), ("bulk", None), ("extra", True),
        ("packs", [["CN"]]), ("departments", {"service"}),
    ],
)  # fmt: skip
def test_a_word_that_no_policy_knows_denies(name, value):
    assert POLICIES.decide(PRINCIPAL, {**CONTEXT, name: value}, [HELD])[HELD].policy == POLICY_ERROR


@pytest.mark.parametrize(("name", "value"), [("role", "Service"), ("claims", "service"), ("active", 1)])
def test_a_wrong_fact_of_the_asker_denies(name, value):
    assert POLICIES.decide({**PRINCIPAL, name: value}, CONTEXT, [HELD])[HELD].policy == POLICY_ERROR


@pytest.mark.parametrize("held", [FieldClass(True, 3, "secrets"), FieldClass(True, "3", "contact")])
def test_a_wrong_class_denies(held):
    assert POLICIES.decide(PRINCIPAL, CONTEXT, [held])[held].policy == POLICY_ERROR


# medium, kind of topic, subscription and its ground, as the gate asks for them together
MESSAGE = ("medium", "topic_kind", "subscription", "subscription_ground")
MESSAGES = [("", "", "", "")] + [
    (medium, kind, *said)
    for medium in ("email", "sms")
    for kind in ("marketing", "service")
    for said in (
        ("suppressed", ""),
        ("unsubscribed", ""),
        ("none", ""),
        ("subscribed", "consent"),
        ("subscribed", "existing"),
    )
]
STATES = st.fixed_dictionaries(
    {
        "consent": st.sampled_from(CONSENT), "consent_kind": st.sampled_from(CONSENT_KIND),
        "version_covered": st.booleans(), "objected": st.booleans(), "restricted": st.booleans(),
        "opted_out": st.booleans(), "gpc": st.booleans(), "deceased": st.booleans(), "kept": st.booleans(),
        "guardian": st.booleans(), "age": st.sampled_from(AGE), "second_factor": st.booleans(),
        "provenance": st.sampled_from(["covered", "on-consent", "outside-notice"]),
        "recipient_kind": st.sampled_from(["none", "processor", "controller", "sale"]),
        "by_guardian": st.booleans(), "country": st.sampled_from(["", "CN", "DE"]),
        "event": st.sampled_from(["", "publish", "public-space"]), "agreed": st.lists(st.sampled_from(EVENTS), unique=True),
        "message": st.sampled_from(MESSAGES),
        "residence": st.sampled_from(["CN", "DE", "US-CA", "JP", "AU", "BR", "unknown"]),
        "role": st.sampled_from(ROLES), "purpose": st.sampled_from(sorted(PURPOSES)),
        "field": st.sampled_from(["email", "full_name", "national_id", "gender", "income", "country"]),
    }
).map(lambda case: case | dict(zip(MESSAGE, case["message"], strict=True)))  # fmt: skip


@settings(max_examples=150, deadline=None)
@given(STATES)
def test_many_and_one_get_the_same_answer(case):
    assert answer(POLICIES, **case, bulk=True) == answer(POLICIES, **case, bulk=False)


@settings(max_examples=150, deadline=None)
@given(STATES)
def test_more_laws_never_open_more(case):
    order = ["denied", "match-only", "masked", "clear"]
    everywhere = answer(POLICIES, **{**case, "residence": "unknown"}).answer
    assert order.index(everywhere) <= order.index(answer(POLICIES, **case).answer)


@settings(max_examples=150, deadline=None)
@given(STATES)
def test_no_value_without_ground_need_and_role(case):
    principal, context, held = request(**case)
    given = POLICIES.decide(principal, context, [held])[held]
    if given.answer == "denied":
        return
    assert held.in_least and case["purpose"] in claims_of(case["role"])
    grounds = load_purposes()[case["purpose"]].grounds
    if any(grounds[law] == "consent" for law in context["packs"] or ["house"]):
        assert case["consent"] == "given" and case["version_covered"] and not case["objected"]
    if given.answer == "clear" and held.level == 4:
        assert case["second_factor"]
    if case["medium"]:
        assert case["subscription"] not in ("suppressed", "unsubscribed")
        assert case["topic_kind"] == "service" or case["subscription"] == "subscribed"
    if "CN" in context["packs"]:
        assert case["country"] in ("", "CN") or "abroad" in case["agreed"]
        assert case["recipient_kind"] not in ("controller", "sale") or "provide" in case["agreed"]
        assert case["event"] != "publish" or "publish" in case["agreed"]


def test_several_agree_the_most_specific_law_is_named_the_others_listed():
    given = answer(POLICIES, role="marketing", purpose="marketing", residence="unknown", consent="withdrawn")
    assert given.policy == "cn.pipl.consent-withdrawn"
    assert given.others == (
        "eu.gdpr.consent-withdrawn", "us.consent-withdrawn", "jp.appi.consent-withdrawn", "au.consent-withdrawn",
    )  # fmt: skip


def test_a_list_is_masked_where_it_may_be_opened():
    principal, context, held = request()
    assert POLICIES.decide(principal, context, [held], ("mask",))[held].answer == "masked"


@pytest.mark.parametrize("name", [*sorted(BOOK.policies), DEFAULT_DENY, POLICY_ERROR])
def test_words_in_each_language(name):
    texts = [POLICIES.text(name, language) for language in LANGUAGES]
    assert all(text.reason and text.article for text in texts)
    assert len({text.reason for text in texts}) >= 2
    assert texts[2].reason.isascii() or "“" in texts[2].reason


def test_articles_nobody_has_read_say_so():
    assert POLICIES.text("cn.pipl.consent-withdrawn", "en").article == "PIPL 15"
    assert POLICIES.text("jp.appi.consent-none", "en").article == "APPI 18 (unverified)"
    assert POLICIES.text("jp.appi.consent-none", "zh-hant").article == "APPI 18（未核實）"
    assert POLICIES.text("cn.pipl.consent-none", "zh-TW").reason == "客戶尚未同意。"
    assert POLICIES.text("cn.pipl.consent-none", "fr").reason == "The customer has not consented."


@pytest.fixture
def folder(tmp_path):
    shutil.copytree(policies_dir(), tmp_path / "policies")
    return tmp_path / "policies"


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        ("cn.cedar", '@id("cn.pipl.31-guardian")', ""),
        ("cn.cedar", '@id("cn.pipl.31-guardian")', '@id("cn.pipl.consent-none")'),
        ("cn.cedar", '@id("cn.pipl.31-guardian")', '@id("eu.31-guardian")'),
        ("cn.cedar", '@step("person")', '@step("sometime")'),
        ("cn.cedar", '@source("V")', '@source("hearsay")'),
        ("cn.cedar", '@article("PIPL 31")', ""),
        ("cn.cedar", '@reason_en("The customer has not consented.")', ""),
        ("cn.cedar", "context.guardian", "context.guardain"),
        ("cn.cedar", 'context.packs.contains("CN")', "context.packs == true"),
        ("order.toml", '"person", ', ""),
    ],
)
def test_a_faulty_folder_does_not_load(folder, file, old, new):
    text = (folder / file).read_text(encoding="utf-8")
    assert old in text
    (folder / file).write_text(text.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(ValueError, match=r"policy|schema"):
        PolicySet.load(folder)


@pytest.mark.parametrize("file", ["cn.cedar", "house.cedar", "schema.cedarschema", "order.toml"])
def test_the_digest_names_the_rules_in_force(folder, file):
    assert PolicySet.load(folder).digest == POLICIES.digest
    with (folder / file).open("a", encoding="utf-8") as out:
        out.write("\n// a word\n" if file != "order.toml" else "\n# a word\n")
    assert PolicySet.load(folder).digest != POLICIES.digest


def test_twelve_classes_are_decided_within_tens_of_milliseconds():
    principal, context, _ = request()
    classes = [FieldClass(level < 4, level, category) for level in (2, 3, 4) for category in ("identity", "contact")]
    started = time.perf_counter()
    POLICIES.decide(principal, context, classes)
    assert time.perf_counter() - started < 0.1
