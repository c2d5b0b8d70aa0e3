"""Which policies apply, worked out here, is what Cedar says: policy by policy, and answer by answer over all of them."""

from __future__ import annotations

import functools
import json
from dataclasses import asdict, replace

import cedarpy
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kehu.govern.laws import AGE_BANDS, PACKS
from kehu.govern.slugs import CATEGORIES, EVENTS, MEDIA
from kehu.govern.topics import load_topics
from kehu.guard.gate.actor import ActorFacts
from kehu.guard.gate.applying import applies, facts_of, may_act, read_of
from kehu.guard.gate.decisions import PROVENANCE, Ask, _context
from kehu.guard.gate.policies import FieldClass, PolicySet, principal_of
from kehu.guard.gate.rulebook import Rulebook
from kehu.guard.gate.state import CONSENT, CONSENT_KIND, SUBSCRIPTION, SUBSCRIPTION_GROUND, SubjectState
from kehu.guard.installation import load_rules
from kehu.host.paths import policies_dir

RULES = load_rules()
BOOK = Rulebook.load(policies_dir())
SCHEMA = cedarpy.Schema.from_str(BOOK.schema)
flags = st.booleans()
states = st.builds(
    SubjectState, st.sampled_from(("person", "organisation")), st.frozensets(st.sampled_from(sorted(PACKS))),
    st.sampled_from(CONSENT), st.sampled_from(CONSENT_KIND), flags, flags, flags, flags, flags,
    st.sampled_from(AGE_BANDS), flags, flags, flags, flags, flags,
    st.sampled_from(("", *SUBSCRIPTION)), st.sampled_from(("", *SUBSCRIPTION_GROUND)), st.just(()), flags,
)  # fmt: skip
askers = st.builds(
    ActorFacts, st.sampled_from(("service", "marketing", "privacy", "analyst", "legal", "owner", "customer")),
    st.just("desk"), flags, flags, flags, flags, flags, flags, flags, place=st.sampled_from(("", "CN", "IN")),
)  # fmt: skip
classes = st.builds(
    FieldClass, flags, st.integers(1, 4), st.sampled_from(sorted(CATEGORIES)),
    st.lists(st.sampled_from(sorted(EVENTS)), unique=True, max_size=2).map(tuple), granted=flags,
)  # fmt: skip
asks = st.builds(
    Ask, st.sampled_from(sorted(RULES.purposes)), st.sampled_from(("read", "link", "list", "sources", "export", "explain")),
    st.just(()), st.just(False), st.sampled_from(("", "Acme")), st.sampled_from(("none", "sale", "controller", "authority")),
    st.sampled_from(("", "CN", "DE", "US")), flags, st.just(()), st.sampled_from(("", *MEDIA)),
    st.sampled_from(("", *load_topics())), st.sampled_from(("", "publish", "public-space")),
)  # fmt: skip

WIDER = {
    slug: replace(one, recipients=frozenset({"acme"}), countries=frozenset({"CN", "DE"}))
    for slug, one in RULES.purposes.items()
}


@functools.cache
def read(names):
    """These policies as Cedar holds them: reading them takes it longer than an answer."""
    chosen = {name: BOOK.policies[name] for name in names}
    return cedarpy.PolicySet.from_json_str(json.dumps({"staticPolicies": chosen, "templates": {}, "templateLinks": []}))


def asked_of(names, principal, context, asked: FieldClass, action: str):
    """What Cedar says over these policies."""
    held = [
        {"uid": {"type": "Staff", "id": "asker"}, "attrs": principal, "parents": []},
        {"uid": {"type": "FieldClass", "id": "asked"}, "attrs": asdict(asked), "parents": []},
    ]
    answer = cedarpy.is_authorized(
        {
            "principal": {"type": "Staff", "id": "asker"}, "action": {"type": "Action", "id": action},
            "resource": {"type": "FieldClass", "id": "asked"}, "context": context,
        },
        read(tuple(names)), cedarpy.Entities.from_json_str(json.dumps(held), SCHEMA), SCHEMA,
    )  # fmt: skip
    assert not answer.diagnostics.errors
    return answer.allowed, frozenset(answer.diagnostics.reasons)


@settings(max_examples=120, deadline=None)
@given(states, askers, asks, st.lists(classes, min_size=1, max_size=3), st.sampled_from(PROVENANCE))
def test_every_answer_is_cedars_over_all_policies(state, asker, ask, asked, provenance):
    context = _context(WIDER[ask.purpose], ask, asker, state, provenance)
    principal = principal_of(asker, (ask.purpose,))
    answers = RULES.policies.decide(principal, context, asked)
    for one in asked:
        opens, why_open = asked_of(BOOK.policies, principal, context, one, "open")
        masks, why_mask = asked_of(BOOK.policies, principal, context, one, "mask")
        answer = answers[one]
        assert answer.answer == ("clear" if opens else "masked" if masks else "denied")
        told = {answer.policy, *answer.others}
        if answer.answer != "denied":
            assert told == set(why_open or {"house.default-deny"})
        elif told != {"house.default-deny"}:  # whom no permit lets ask learns nothing else
            assert told == set(why_mask)


@settings(max_examples=40, deadline=None)
@given(states, askers, asks, classes, st.sampled_from(PROVENANCE), st.sampled_from(("open", "mask", "match")))
def test_each_policy_applies_where_cedar_says_so(state, asker, ask, asked, provenance, action):
    context = _context(WIDER[ask.purpose], ask, asker, state, provenance)
    principal = principal_of(asker, (ask.purpose,))
    known = {"principal": facts_of(principal), "context": facts_of(context)}
    for name, policy in BOOK.policies.items():
        if may_act(policy, action):
            _, why = asked_of((name,), principal, context, asked, action)
            says = applies(policy)
            assert says({**known, "resource": facts_of(asdict(asked))}) is (name in why), name
            assert says(known) in (None, name in why), name  # what is not known yet is never wrong


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", True),
        ("when { context.yes }", True),
        ("when { !context.yes }", False),
        ("unless { context.yes }", False),
        ("when { context.yes } when { context.no }", False),
        ("when { context.unknown && context.no }", False),
        ("when { context.no && context.unknown }", False),
        ("when { context.yes && context.unknown }", None),
        ("when { context.unknown || context.yes }", True),
        ("when { context.unknown || context.no }", None),
        ("when { !context.unknown }", None),
        ('when { context.word == "a" }', True),
        ('when { context.word != "a" }', False),
        ('when { context.word == "b" || context.of.part == "c" }', True),
        ("when { context.word == context.unknown }", None),
        ("when { context.number == context.yes }", None),
        ("when { context.number < 3 && context.number <= 2 && context.number > 1 && context.number >= 2 }", True),
        ("when { context.number > 2 }", False),
        ("when { context.yes > 0 }", None),
        ('when { context.words.contains("a") && !context.words.contains("c") }', True),
        ('when { ["a", "b"].contains(context.word) }', True),
        ('when { ["b", context.word].contains(context.word) }', None),
        ("when { [1, 2].contains(context.number) }", None),
        ("when { context.none.isEmpty() && !context.words.isEmpty() }", True),
        ("when { context.mixed.isEmpty() }", None),
        ("when { context has word }", None),
        ("when { if context.yes then context.yes else context.no }", None),
        ('when { context.word like "a*" }', None),
        ('when { context.words.containsAny(["a"]) }', None),
        ("when { principal == resource }", None),
    ],
)
def test_what_is_not_plainly_known_is_not_known(text, expected):
    held = {"yes": True, "no": False, "word": "a", "number": 2, "words": ["a", "b"], "none": [], "mixed": [1],
            "of": {"part": "c"}}  # fmt: skip
    assert applies(parsed(f"forbid (principal, action, resource) {text};"))({"context": facts_of(held)}) is expected


def test_a_scope_of_its_own_is_not_known():
    assert applies(parsed('forbid (principal == Staff::"a", action, resource);'))({}) is None
    assert applies(parsed("forbid (principal, action, resource is Channel) when { false };"))({}) is False


def test_cedar_is_asked_once_for_the_same_policies(monkeypatch):
    asked = []
    real = cedarpy.is_authorized
    monkeypatch.setattr(cedarpy, "is_authorized", lambda *told: (asked.append(1), real(*told))[1])
    policies = PolicySet.load(policies_dir())
    state = SubjectState("person", frozenset({"CN"}), "given", "general", True, False, False, False, False, "adult",
                         False, False, False, False)  # fmt: skip
    ask = Ask("service", "read", (), False, "", "none", "", False)
    facts = ActorFacts("service", "desk", True, True, True, True, True, True)
    asker = principal_of(facts, ("service",))
    kinds = [FieldClass(True, level, category) for level in (1, 2, 3) for category in sorted(CATEGORIES)]
    context = _context(RULES.purposes["service"], ask, facts, state, "covered")
    assert {one.answer for one in policies.decide(asker, context, kinds).values()} == {"clear"}
    assert len(asked) == 1
    [odd] = policies.decide(asker, {**context, "objected": "no"}, kinds[:1]).values()  # of another form: asked anew
    assert (odd.answer, odd.policy, len(asked)) == ("denied", "house.policy-error", 3)


def test_actions_and_what_is_read_of_a_field():
    of_open = parsed('forbid (principal, action == Action::"open", resource) when { resource.level >= 4 };')
    of_all = parsed("forbid (principal, action, resource) when { resource has level };")
    whole_field = parsed("forbid (principal, action, resource) when { resource == principal };")
    assert may_act(of_open, "open") and not may_act(of_open, "mask") and may_act(of_all, "collect")
    assert read_of("resource", [of_open, of_all]) == {"level"}
    assert read_of("resource", [of_open, whole_field]) is None
    assert "category" not in (read_of("resource", BOOK.policies.values()) or {"category"})


def test_a_policy_that_reads_the_category_tells_categories_apart(tmp_path):
    """What the policies read decides what is asked: nobody has to remember to say so."""
    for path in policies_dir().glob("*.*"):
        (tmp_path / path.name).write_text(path.read_text(encoding="utf-8"), encoding="utf-8")
    house = tmp_path / "house.cedar"
    notes = '@id("house.x")\n@step("purpose")\n@article("x")\n@source("house")\n'
    notes += "".join(f'@reason_{name}("x")\n' for name in ("en", "zh_hans", "zh_hant"))
    steps = BOOK.steps
    notes = notes.replace('@step("purpose")', f'@step("{steps[-1]}")')
    rule = 'forbid (principal, action in [Action::"open", Action::"mask"], resource) when { resource.category == "credit" };'
    house.write_text(house.read_text(encoding="utf-8") + "\n\n" + notes + rule + "\n", encoding="utf-8")
    state = SubjectState("person", frozenset({"CN"}), "given", "general", True, False, False, False, False, "adult",
                         False, False, False, False)  # fmt: skip
    facts = ActorFacts("service", "desk", True, True, True, True, True, True)
    ask = Ask("service", "read", (), False, "", "none", "", False)
    context = _context(RULES.purposes["service"], ask, facts, state, "covered")
    asker = principal_of(facts, ("service",))
    credit, contact = FieldClass(True, 1, "credit"), FieldClass(True, 1, "contact")
    before = RULES.policies.decide(asker, context, (credit, contact))
    after = PolicySet.load(tmp_path).decide(asker, context, (credit, contact))
    assert {one.answer for one in before.values()} == {"clear"}
    assert (after[credit].answer, after[credit].policy, after[contact].answer) == ("denied", "house.x", "clear")


def parsed(text: str) -> dict:
    [policy] = json.loads(cedarpy.policies_to_json_str(text))["staticPolicies"].values()
    return policy
