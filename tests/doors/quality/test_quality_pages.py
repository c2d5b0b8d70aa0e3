"""The pages of data quality: every address × role × status; a rule, a measuring, a finding and a task, without script."""

from __future__ import annotations

import re
import uuid
from dataclasses import replace

import pytest

from kehu.doors.web.quality.urls import urlpatterns
from kehu.guard.installation import installation
from kehu.host.jobs import run_pending
from kehu.refine.quality import rules
from kehu.refine.quality.measure import measure
from kehu.refine.quality.models import Rule, Run, Score
from kehu.refine.quality.tasks import defer_measuring
from kehu.refine.quality.texts import shipped_texts
from kehu.serve.upkeep import queue
from kehu.serve.upkeep.models import Confirmation, Policy, Task
from kehu.serve.upkeep.policies import make_task
from tests.cast import admit, shipped_with, staff
from tests.doors.web import browsing
from tests.doors.web.browsing import browser, misfits, text_of
from tests.serve.holdings import link

ROLES = ("service", "marketing", "manager", "analyst", "privacy", "legal", "auditor", "engineer")
COLLECTING = frozenset({"manager", "marketing", "service", "analyst", "privacy", "legal"})
SEEING = COLLECTING | {"auditor"}
WRITING = frozenset({"manager", "analyst", "privacy"})
VERIFYING = frozenset({"service", "manager", "marketing", "privacy"})
UNKNOWN = uuid.UUID(int=7)
# name of the address -> (path, method, roles let in, status for them, status for the others that are signed in)
TABLE = {
    "quality": ("/quality", "get", SEEING, 200, 403),
    "quality-measure": ("/quality/measure", "post", COLLECTING, 302, 403),
    "quality-progress": ("/quality/progress", "get", SEEING, 200, 403),
    "quality-found": ("/quality/found/completeness:email", "get", frozenset(ROLES), 302, 302),
    "quality-found-task": ("/quality/found/completeness:email/task", "post", VERIFYING, 404, 403),
    "quality-rules": ("/quality/rules", "get", SEEING, 200, 403),
    "quality-rule-new": ("/quality/rules/new", "get", WRITING, 200, 403),
    "quality-rule": ("/quality/rules/nothing", "get", SEEING, 404, 403),
    "quality-rule-step": ("/quality/rules/nothing/step", "post", WRITING, 404, 403),
    "verification": ("/quality/verification", "get", frozenset(ROLES), 302, 302),
    "verification-task": (f"/quality/verification/{UNKNOWN}", "get", frozenset(ROLES), 302, 302),
    "verification-step": (f"/quality/verification/{UNKNOWN}/step", "post", VERIFYING, 404, 403),
    "customer-bounce": (f"/customers/{UNKNOWN}/bounce", "post", VERIFYING, 400, 403),
    "verification-policies": ("/quality/policies", "get", VERIFYING, 200, 403),
    "verification-retire": ("/quality/policies/retire", "post", frozenset({"manager", "privacy"}), 404, 403),
}
PEOPLE = [{"full_name": f"客户{n}", "email": f"c{n}@mail.example"} for n in "一二三四五六七八"] + [
    {"full_name": "Test"}
]


def signed_in(role, purpose=None):
    """Who reads English."""
    desk, who = browsing.signed_in(role, purpose)
    desk.defaults["HTTP_ACCEPT_LANGUAGE"] = "en"
    return desk, who


def plain(answer):
    """The words of a page without its marks."""
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", text_of(answer)))


def shown(answer):
    """The value that a page shows, as its form names it."""
    return re.search(r'name="shown" value="([^"]+)"', text_of(answer))[1]


def test_every_address_is_in_the_table():
    assert {pattern.name for pattern in urlpatterns} == set(TABLE)


def test_each_role_gets_what_the_table_says(database):
    wrong = []
    for role in ROLES:
        wrong += misfits(TABLE, role, signed_in(role)[0])
    assert wrong == []


def test_nobody_else_gets_anything(database):
    for path, method, *_ in TABLE.values():
        answer = getattr(browser(), method)(path)
        assert (answer.status_code, answer["Location"].partition("?")[0]) == (302, "/sign-in"), path


@pytest.fixture
def people(database):
    return admit(*PEOPLE), {role: staff(role) for role in ("manager", "analyst", "service")}


def test_scores_and_whom_a_check_found(people):
    subjects, who = people
    service, _ = signed_in("service", "accuracy")
    assert "Not measured yet" in plain(service.get("/quality"))
    assert service.get("/quality/progress")["HX-Redirect"] == "/quality"
    defer_measuring(who["analyst"].human)
    waits = service.get("/quality/progress")  # asked while no worker has come to it yet
    assert "begins in a moment" in plain(waits) and "HX-Redirect" not in waits
    run_pending()
    assert service.get("/quality/progress")["HX-Redirect"] == "/quality"
    page = plain(service.get("/quality"))
    assert "over 9 customers" in page and "Name is no placeholder" in page and "a few" in page
    assert not re.search(r"(?<!\d)1 short", page)  # one to four are not told apart
    found = text_of(service.get("/quality/found/rule:no-test-name"))
    assert str(subjects[-1]) in found and "Test" not in re.sub(r"<[^>]+>|No.test", "", found)
    for unknown in ("validity:shoe_size", "completeness:", "timeliness:shoe_size"):
        assert service.get(f"/quality/found/{unknown}").status_code == 404
    missing = service.get("/quality/found/completeness:email")
    assert "Have it verified" in plain(missing)
    sent = service.post("/quality/found/completeness:email/task", {"subject": str(subjects[-1])})
    assert sent["Location"].endswith("?done=task")
    assert Task.objects.get().why == "quality"
    assert service.get("/quality/found/nothing:email").status_code == 404
    # measured under another dictionary, before a field was renamed
    Score.objects.create(
        run=Run.objects.get(), dimension="validity", scope="field", key="shoe_size", of=9, bad=0, people=9
    )
    assert "shoe_size" not in text_of(service.get("/quality"))


def test_a_rule_is_written_tried_and_put_in_force(people):
    manager, _ = signed_in("manager")
    form = {
        "slug": "ours", "label_en": "Ours", "label_zh-hans": "本公司", "label_zh-hant": "本公司", "dimension": "validity",
        "severity": "low", "condition": "email matches '.+@mail[.]example'", "passes": "email = a@mail.example", "segment": "kind:1",
        "fails": "email = a@other.example", "owner": "manager@kehu.example", "deputy": "analyst@kehu.example",
    }  # fmt: skip
    wrong = manager.post("/quality/rules/new", form | {"condition": "mail = 'x'"})
    assert wrong.status_code == 422 and "No field of that name: mail" in plain(wrong)
    assert "Example 1 should meet" in plain(
        manager.post("/quality/rules/new", form | {"passes": "email = a@b.example"})
    )
    assert "two people" in plain(manager.post("/quality/rules/new", form | {"deputy": "nobody@kehu.example"}))
    assert manager.post("/quality/rules/new", form)["Location"] == "/quality/rules/ours?done=saved"
    row = Rule.objects.get()
    manager.post("/quality/rules/ours/step", {"do": "try", "version": str(row.id)})
    assert "of 8 customers to whom it applied" in plain(manager.get("/quality/rules/ours"))
    manager.post("/quality/rules/ours/step", {"do": "force", "version": str(row.id)})
    page = plain(manager.get("/quality/rules/ours"))
    assert "in force" in page and "asked of: Persons" in page
    service, _ = signed_in("service", "accuracy")
    assert "<h1>Ours</h1>" in text_of(service.get("/quality/found/rule:ours"))
    assert 'value="retire"' in text_of(manager.get("/quality/rules/ours"))
    ended = manager.post("/quality/rules/ours/step", {"do": "retire"})["Location"]
    assert Rule.objects.get().state == "retired"
    page = text_of(manager.get(ended))  # no button for what is over, and how to have it back
    assert 'value="retire"' not in page and "write another version" in page


def test_rules_of_a_field_that_the_purpose_lost_are_shown_as_left_out(people, database):
    manager, who = signed_in("manager")
    drafted = rules.save_rule(
        replace(shipped_texts()["email-no-placeholder"], slug="ours"), owner="manager@kehu.example",
        deputy="analyst@kehu.example", actor=who,
    )  # fmt: skip
    least = installation().rules.purposes["accuracy"].least
    shipped_with(database, "accuracy", least=sorted(least - {"email"}))
    measure(actor=people[1]["analyst"])
    assert "Rules are left out" in plain(manager.get("/quality"))
    assert plain(manager.get("/quality/rules")).count("left out") == len(rules.left_out())
    assert "counts for nothing" in plain(manager.get("/quality/rules/email-no-placeholder"))
    assert "counts for nothing" not in plain(manager.get("/quality/rules/ours"))
    answer = manager.post("/quality/rules/ours/step", {"do": "try", "version": str(drafted.id)})
    assert "cannot be read any more" in plain(manager.get(answer["Location"]))
    manager.post("/quality/rules/email-no-placeholder/step", {"do": "retire"})
    assert "counts for nothing" not in plain(manager.get("/quality/rules/email-no-placeholder"))


def test_a_task_is_taken_and_confirmed_by_who_came_for_it(people):
    subjects, who = people
    task = queue.make_by_hand(subjects[0], "email", actor=who["service"])
    path = f"/quality/verification/{task.id}"
    other, _ = signed_in("service", "service")
    assert "c一@mail.example" not in text_of(other.get(path)) and "a use of its own" in plain(other.get(path))
    service, _ = signed_in("service", "accuracy")
    assert "1 wait, 0 of them late" in plain(service.get("/quality/verification"))
    service.post(f"{path}/step", {"do": "take", "back": "queue"})
    page = plain(service.get(path))
    assert "c一@mail.example" in page and "It is still right" in page and "Row" in page
    refused = service.post(f"{path}/step", {"do": "correct", "value": "x@", "how": "mail"})
    assert refused.status_code == 422 and "no valid form" in plain(refused)
    assert 'value="x@"' in text_of(refused) and '<option value="mail" selected>' in text_of(refused)
    done = service.post(f"{path}/step", {"do": "confirm", "how": "phone", "shown": shown(service.get(path))})
    assert "as good as new" in plain(service.get(done["Location"]))
    assert Task.objects.get().outcome == "confirmed"
    service.post(f"{path}/step", {"do": "undo"})
    assert Task.objects.get().state == "taken"


def test_what_was_never_shown_is_not_confirmed(people):
    subjects, who = people
    path = f"/quality/verification/{queue.make_by_hand(subjects[0], 'email', actor=who['service']).id}"
    service, _ = signed_in("service", "accuracy")
    service.post(f"{path}/step", {"do": "take"})
    seen = shown(service.get(path))
    [later] = admit({"full_name": "客户一", "email": "new@mail.example"})
    link(subjects[0], later, 2)
    for held in ({"shown": seen}, {"shown": "x"}, {}):  # another one counts by now; or nobody says what they saw
        answer = service.post(f"{path}/step", {"do": "confirm", "how": "phone"} | held)
        page = service.get(answer["Location"])
        assert "Another value counts by now" in plain(page) and "new@mail.example" in plain(page)
        assert not Confirmation.objects.exists() and Task.objects.get().state == "taken"
    service.post(f"{path}/step", {"do": "confirm", "how": "phone", "shown": shown(page)})
    assert Task.objects.get().outcome == "confirmed"


def test_enter_where_a_value_is_typed_sends_that_value(people):
    """A browser presses the first button of the form."""
    subjects, who = people
    task = queue.make_by_hand(subjects[0], "email", actor=who["service"])
    queue.take(task.id, actor=who["service"])
    service, me = signed_in("service", "accuracy")
    Task.objects.update(taken_by=me.human)
    forms = re.findall(r"<form.*?</form>", text_of(service.get(f"/quality/verification/{task.id}")), re.DOTALL)
    [typing] = [one for one in forms if 'name="value"' in one]
    assert re.findall(r'name="do" value="(\w+)"', typing)[0] == "correct"


def test_what_is_missing_or_not_theirs_confirms_nothing(people):
    subjects, who = people
    path = f"/quality/verification/{queue.make_by_hand(subjects[0], 'email', actor=who['service']).id}"
    service, _ = signed_in("service", "accuracy")
    early = service.post(f"{path}/step", {"do": "confirm", "how": "phone", "shown": str(subjects[0])})
    assert "taken by somebody else, meanwhile" in plain(service.get(early["Location"]))
    service.post(f"{path}/step", {"do": "take"})
    blank = service.post(f"{path}/step", {"do": "correct", "value": " ", "how": "phone"})
    assert "no valid form" in plain(blank)
    both = {"do": "confirm", "value": "new@mail.example", "how": "mail", "shown": shown(service.get(path))}
    assert "You typed another value" in plain(service.post(f"{path}/step", both))
    for how in ({}, {"how": "fax"}, {"how": "portal"}):
        assert service.post(f"{path}/step", {"do": "confirm"} | how).status_code == 400
    assert not Confirmation.objects.exists() and Task.objects.get().state == "taken"


@pytest.mark.parametrize(
    "held", [{"address": "上海市浦东新区世纪大道 1 号"}, {"street": "世纪大道", "locality": "上海"}]
)
def test_post_that_came_back_is_noted_on_the_record(people, held):
    """Where an address is held in parts, by its street."""
    [subject], name = admit({"full_name": "客户九", **held}), next(iter(held))
    service, _ = signed_in("service", "service")
    path = f"/customers/{subject}"
    offered = re.findall(r'value="([a-z-]+:[a-z_]+)"', text_of(service.get(path)))
    assert offered == [f"returned-post:{name}", f"failed-delivery:{name}"]  # of what is held, and shown to this use
    [once] = re.findall(r'name="once" value="([0-9a-f-]{36})"', text_of(service.get(path)))
    for _ in range(2):  # one form, sent twice, notes one
        noted = service.post(f"{path}/bounce", {"what": f"returned-post:{name}", "once": once})
    page = plain(service.get(noted["Location"]))
    assert "relied on less" in page and "1 message did not arrive" in page
    assert service.post(f"{path}/bounce", {"what": "returned-post:email"}).status_code == 400
    assert service.post(f"/customers/{UNKNOWN}/bounce", {"what": "failed-call:phone"}).status_code == 404
    auditor, _ = signed_in("auditor", "security")
    assert "did not arrive" not in plain(auditor.get(path))


def test_a_policy_is_put_in_force_and_retired(people):
    manager, _ = signed_in("manager")
    form = {
        "slug": "phone-yearly", "field": "phone", "whom": "all", "months": "12", "bounces": "", "due": "30", "way": "mail",
        "role": "service", "owner": "manager@kehu.example", "deputy": "analyst@kehu.example",
    }  # fmt: skip
    assert manager.post("/quality/policies", form | {"bounces": "2"}).status_code == 422
    assert manager.post("/quality/policies", form).status_code == 302
    page = plain(manager.get("/quality/policies"))
    assert "not confirmed for 12 months" in page and "no letter goes out" in page
    for subject in admit(*[{"phone": f"+861380013800{n}"} for n in range(2)]):
        make_task(subject, policy=Policy.objects.get(), why="age", by=people[1]["manager"].human)
    assert "Letters still to go out: 2 (1,000 are tried a night at most)" in plain(manager.get("/quality/policies"))
    retired = manager.post("/quality/policies/retire", {"slug": "phone-yearly"})
    assert Policy.objects.get().retired_at is not None
    held = text_of(manager.get(retired["Location"]))  # its form holds it: one press takes that back
    assert 'value="phone-yearly"' in held and 'value="12"' in held and 'value="analyst@kehu.example"' in held
    assert "phone-yearly" not in re.sub(
        "placeholder=[^ ]*", "", text_of(manager.get("/quality/policies?again=nothing"))
    )
