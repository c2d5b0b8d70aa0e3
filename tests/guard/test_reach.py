"""What is left out of a question changes no answer: the policies of other laws, and what no policy tells apart."""

from __future__ import annotations

import json
from dataclasses import asdict

import cedarpy
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kehu.govern.laws import AGE_BANDS, PACKS
from kehu.govern.slugs import CATEGORIES
from kehu.guard.gate.actor import ActorFacts
from kehu.guard.gate.decisions import PROVENANCE, Ask, _context
from kehu.guard.gate.policies import FieldClass, PolicySet, principal_of
from kehu.guard.gate.reach import law_of, may_act, read_of
from kehu.guard.gate.rulebook import Rulebook
from kehu.guard.gate.state import CONSENT, CONSENT_KIND, SubjectState
from kehu.guard.installation import load_rules
from kehu.host.paths import policies_dir

RULES = load_rules()
BOOK = Rulebook.load(policies_dir())
flags = st.booleans()
states = st.builds(
    SubjectState, st.sampled_from(("person", "organisation")), st.frozensets(st.sampled_from(sorted(PACKS))),
    st.sampled_from(CONSENT), st.sampled_from(CONSENT_KIND), flags, flags, flags, flags, flags,
    st.sampled_from(AGE_BANDS), flags, flags, flags, flags,
)  # fmt: skip
askers = st.builds(
    ActorFacts, st.sampled_from(("service", "marketing", "privacy", "analyst", "customer")), st.just("desk"),
    flags, flags, flags, flags, flags, flags,
)  # fmt: skip
classes = st.builds(FieldClass, flags, st.integers(1, 4), st.sampled_from(sorted(CATEGORIES)))


def whole(principal, context, asked: FieldClass, action: str) -> tuple[bool, frozenset[str]]:
    """What all policies together say: nothing sliced, nothing merged."""
    held = [
        {"uid": {"type": "Staff", "id": "asker"}, "attrs": principal, "parents": []},
        {"uid": {"type": "FieldClass", "id": "asked"}, "attrs": asdict(asked), "parents": []},
    ]
    document = json.dumps({"staticPolicies": dict(BOOK.policies), "templates": {}, "templateLinks": []})
    answer = cedarpy.is_authorized(
        {
            "principal": {"type": "Staff", "id": "asker"}, "action": {"type": "Action", "id": action},
            "resource": {"type": "FieldClass", "id": "asked"}, "context": context,
        },
        cedarpy.PolicySet.from_json_str(document), cedarpy.Entities.from_json_str(json.dumps(held), SCHEMA), SCHEMA,
    )  # fmt: skip
    assert not answer.diagnostics.errors
    return answer.allowed, frozenset(answer.diagnostics.reasons)


SCHEMA = cedarpy.Schema.from_str(BOOK.schema)


@settings(max_examples=150, deadline=None)
@given(states, askers, st.sampled_from(sorted(RULES.purposes)), st.lists(classes, min_size=1, max_size=3), flags,
       st.sampled_from(PROVENANCE), st.sampled_from(("read", "link", "list")), st.sampled_from(("none", "sale")))  # fmt: skip
def test_every_answer_is_that_of_all_policies(state, asker, slug, asked, silent, provenance, use, recipient):
    purpose = RULES.purposes[slug]
    question = Ask(slug, use, (), False, "", recipient, "", False)
    context = _context(purpose, question, state, provenance, silent)
    principal = principal_of(asker, (slug,))
    answers = RULES.policies.decide(principal, context, asked)
    for one in asked:
        opens, why_open = whole(principal, context, one, "open")
        masks, why_mask = whole(principal, context, one, "mask")
        answer = answers[one]
        assert answer.answer == ("clear" if opens else "masked" if masks else "denied")
        told = {answer.policy, *answer.others}
        if answer.answer != "denied":
            assert told == set(why_open or {"house.default-deny"})
        elif told != {"house.default-deny"}:  # whom no permit lets ask learns nothing else
            assert told == set(why_mask)


@pytest.mark.parametrize(
    ("text", "law"),
    [
        ('when { context.packs.contains("EU") && context.gpc }', "EU"),
        ('when { context.packs.contains("EU") } unless { context.gpc }', "EU"),
        ('when { context.gpc && context.packs.contains("EU") }', None),
        ('when { context.packs.contains("EU") || context.gpc }', None),
        ('when { !context.packs.contains("EU") }', None),
        ('unless { context.packs.contains("EU") }', None),
        ('when { context.gpc } when { context.packs.contains("EU") }', None),
        ("", None),
    ],
)
def test_only_a_law_that_comes_first_is_its_law(text, law):
    assert law_of(parsed(f"forbid (principal, action, resource) {text};")) == law


def test_actions_and_what_is_read_of_a_field():
    of_open = parsed('forbid (principal, action == Action::"open", resource) when { resource.level >= 4 };')
    of_all = parsed("forbid (principal, action, resource) when { resource has level };")
    whole_field = parsed("forbid (principal, action, resource) when { resource == principal };")
    assert may_act(of_open, "open") and not may_act(of_open, "mask") and may_act(of_all, "collect")
    assert read_of("resource", [of_open, of_all]) == {"level"}
    assert read_of("resource", [of_open, whole_field]) is None
    assert (read_of("resource", BOOK.policies.values()) or set()) & {"level", "in_least", "category"} == {
        "level",
        "in_least",
    }


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
    context = _context(
        RULES.purposes["service"], Ask("service", "read", (), False, "", "none", "", False), state, "covered", False
    )
    asker = principal_of(ActorFacts("service", "desk", True, True, True, True, True, True), ("service",))
    credit, contact = FieldClass(True, 1, "credit"), FieldClass(True, 1, "contact")
    before = RULES.policies.decide(asker, context, (credit, contact))
    after = PolicySet.load(tmp_path).decide(asker, context, (credit, contact))
    assert {one.answer for one in before.values()} == {"clear"}
    assert (after[credit].answer, after[credit].policy, after[contact].answer) == ("denied", "house.x", "clear")


def parsed(text: str) -> dict:
    [policy] = json.loads(cedarpy.policies_to_json_str(text))["staticPolicies"].values()
    return policy
