"""The pages of the review: every address × role × status; a question from the queue to its answer and back."""

from __future__ import annotations

import re
import time
import uuid

import pytest
from django.db import connection

from kehu.doors.web.review.urls import urlpatterns
from kehu.govern.trust import trust
from kehu.guard.gate.actor import Actor
from kehu.guard.gate.acts import ActRefused
from kehu.guard.staff.actions import owner_actor
from kehu.refine.models import Answer, Weights
from kehu.refine.models import Proposal as Row
from kehu.refine.resolve import weights
from kehu.refine.resolve.compare.model import VERSION
from kehu.refine.resolve.opening import Group
from kehu.refine.resolve.review import queue, waiting
from kehu.refine.resolve.review.queue import Pair
from kehu.serve.corrections.actions import correct
from kehu.serve.desk.trusting import set_trust
from kehu.vault import assignment as linking
from kehu.vault.ids import new_id
from tests.cast import admit, staff
from tests.doors.web import browsing
from tests.doors.web.browsing import browser, misfits, text_of

ROLES = ("service", "marketing", "manager", "analyst", "privacy", "legal", "auditor", "engineer")
PURPOSE = {
    "service": "service", "marketing": "marketing", "manager": "service", "analyst": "analytics",
    "privacy": "rights-request", "legal": "legal", "auditor": "security", "engineer": None,
}  # fmt: skip
REVIEWING = frozenset({"service", "privacy", "manager"})
SEEING = frozenset({"manager", "marketing", "service", "analyst", "privacy", "legal", "auditor"})
LINKING = SEEING - {"auditor"}
ADOPTING = frozenset({"manager", "privacy"})
ONE, OTHER = uuid.UUID(int=7), uuid.UUID(int=8)
# name of the address -> (path, method, roles let in, status for them, status for the others that are signed in)
TABLE = {
    "review": ("/review", "get", REVIEWING, 200, 403),
    "review-pair": (f"/review/{ONE}", "get", REVIEWING, 404, 403),
    "review-answer": (f"/review/{ONE}/answer", "post", REVIEWING, 400, 403),
    "review-undo": ("/review/undo", "post", REVIEWING, 302, 403),
    "review-look": (f"/review/look/{ONE}/{OTHER}", "get", REVIEWING, 404, 403),
    "customer-lineage": (f"/customers/{ONE}/lineage", "get", SEEING, 404, 302),
    "review-answers": ("/review/answers", "get", SEEING, 200, 403),
    "review-weights": ("/review/weights", "get", SEEING, 200, 403),
    "review-weights-one": (f"/review/weights/{ONE}", "get", SEEING, 404, 403),
    "review-weights-compare": (f"/review/weights/{ONE}/compare", "post", LINKING, 404, 403),
    "review-weights-adopt": (f"/review/weights/{ONE}/adopt", "post", ADOPTING, 404, 403),
    "review-weights-teach": ("/review/weights/teach", "post", ADOPTING, 404, 403),
}
ASKED_FIRST = frozenset({"review", "review-pair", "review-answer", "review-undo", "review-look", "customer-lineage"})
LIN = {
    "full_name": "林婉清", "birth_date": "1990-03-14", "email": "lin@mail.example", "phone": "+8613801926721",
    "national_id": "110101199003140026",
}  # fmt: skip
LYN = {**LIN, "full_name": "林婉青", "email": "lynn@mail.example", "birth_date": "1990-03-15"}
ALICE = {"given_name": "alice", "family_name": "harper", "birth_date": "1984-03-09"}
SHIPPED = {"version": VERSION, "prior": 0.01, "levels": {}}
EMAIL = [[0.7, 3e-6], [0.06, 3e-6], [0.05, 1e-6], [0.02, 3e-6], [0.17, 0.99]]
TIMID = {**SHIPPED, "prior": 1e-9, "levels": {"email": EMAIL}}


def _raw():
    connection.ensure_connection()
    return connection.connection


def signed_in(role: str, purpose: str | None = None):
    """Who reads English."""
    desk, who = browsing.signed_in(role, purpose or PURPOSE[role])
    desk.defaults["HTTP_ACCEPT_LANGUAGE"] = "en"
    return desk, who


def plain(answer) -> str:
    """The words of a page without its marks."""
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", text_of(answer)))


def asked(*weights_: float) -> list[uuid.UUID]:
    run, pairs = new_id(), []
    for number, weight in enumerate(weights_):
        one, other = admit({**LIN, "external_id": f"A{number}"}, {**LYN, "external_id": f"B{number}"})
        pairs.append(Pair.of(one, other, weight))
    queue.propose(pairs, run=run)
    return [Row.objects.get(older=pair.older).id for pair in pairs]


def form_of(answer) -> dict[str, str]:
    """The hidden fields of the answer's form."""
    return dict(re.findall(r'<input type="hidden" name="(round|evidence)" value="([^"]*)"', text_of(answer)))


def test_every_address_is_in_the_table():
    assert {pattern.name for pattern in urlpatterns} == set(TABLE)


def test_each_role_gets_what_the_table_says(database):
    wrong = []
    for role in ROLES:
        desk, _ = signed_in(role)
        table = {
            name: (*held[:4], 302 if PURPOSE[role] is None and name in ASKED_FIRST else held[4])
            for name, held in TABLE.items()
        }
        wrong += misfits(table, role, desk)
    assert wrong == []


def test_nobody_else_gets_anything(database):
    for path, method, *_ in TABLE.values():
        answer = getattr(browser(), method)(path)
        assert (answer.status_code, answer["Location"].partition("?")[0]) == (302, "/sign-in"), path


def test_a_queue_tells_of_nobody_and_a_question_shows_what_the_gate_lets_out(database):
    [one] = asked(1.0)
    weights.keep_learned(Group(1, "person"), SHIPPED, run=new_id())
    desk, who = signed_in("service")
    listed = plain(desk.get("/review"))
    assert "林" not in listed and "0 of 1 today" in listed
    page = desk.get(f"/review/{one}")
    text = text_of(page)
    assert "林婉<mark>清</mark>" in text and "林婉<mark>青</mark>" in text
    assert "<mark>lin</mark>@mail.example" in text or "l<mark>" in text  # differences within the value
    assert LIN["national_id"] not in text and LIN["birth_date"] not in text  # service needs neither
    told = plain(page)
    assert "Not opened: Birth date" in told
    assert "What you may not see" in told and "told in sum alone" in told  # nor is it told how they agree
    assert "Name: " in told and "National" not in re.split("What held", told)[0].split("Why the model")[1]
    with connection.cursor() as cursor:
        cursor.execute(
            "select action from ledger_entry where human = %s and action in (6, 17) order by seq", [who.human]
        )
        assert [row[0] for row in cursor.fetchall()] == [17, 6]


def test_a_question_about_a_value_as_long_as_a_book_is_shown(database):
    """As a cell whose quotation mark was never closed: compared letter by letter it takes minutes, and the page with it."""
    long = "衡山路一号" * 12_000
    pair = admit({**LIN, "address": f"上海{long}甲"}, {**LYN, "address": f"上海{long}乙"})
    queue.propose([Pair.of(*pair, 4.0)], run=new_id())
    [id] = Row.objects.values_list("id", flat=True)
    desk, _ = signed_in("service", "service")
    begun = time.monotonic()
    page = text_of(desk.get(f"/review/{id}"))
    assert time.monotonic() - begun < 30 and "<mark>甲</mark>" in page and "<mark>乙</mark>" in page


def test_companies_share_an_address_and_no_household(database):
    firm = {"legal_name": "明月有限公司", "phone": "+862155501234", "email": "info@mail.example"}
    pair = Pair.of(*admit(firm, {**firm, "legal_name": "明月有限公司厦门分公司"}, kind=2), 4.0)
    queue.propose([pair], run=new_id())
    desk, _ = signed_in("service")
    page = plain(desk.get(f"/review/{Row.objects.get(older=pair.older).id}"))
    assert "What companies at one address share" in page and "household" not in page and "surname" not in page


def test_a_value_of_level_four_comes_masked_without_a_second_factor(database):
    [one] = asked(1.0)
    desk, _ = signed_in("privacy")
    text = text_of(desk.get(f"/review/{one}"))
    assert "1990-03-1<mark>4</mark>" in text
    assert LIN["national_id"] not in text and 'class="masked bare"' in text


def test_an_answer_brings_the_next_and_is_taken_back(database):
    one, other = asked(0.1, 2.0)
    desk, who = signed_in("service")
    shown = desk.get(f"/review/{one}")
    answer = desk.post(f"/review/{one}/answer?kind=person", {"do": "yes", **form_of(shown)})
    assert answer["Location"] == f"/review/{other}?kind=person&done=accepted"
    held = Answer.objects.get()
    assert (held.verdict, held.by, held.weight) == ("yes", who.human, 0.1)
    assert held.evidence["birth"][0] == 1 and "林" not in str(held.evidence) and "1990" not in str(held.evidence)
    back = desk.post("/review/undo", HTTP_HX_REQUEST="true")
    assert back["HX-Push-Url"] == f"/review/{one}" and "all is as it was before" in plain(back)
    assert Row.objects.get(id=one).state == "open"
    for proposal in (one, other):
        answer = desk.post(f"/review/{proposal}/answer", {"do": "no", "round": "1"}, HTTP_HX_REQUEST="true")
    assert (answer.status_code, answer["HX-Redirect"]) == (204, "/review?done=rejected")
    assert "Nothing to review" in plain(desk.get("/review?done=rejected"))


def test_an_answer_that_was_settled_since_is_not_taken_back_and_none_before_it(database):
    one, other = asked(0.1, 2.0)
    desk, _ = signed_in("service")
    for proposal, said in ((one, "yes"), (other, "unsure")):
        desk.post(f"/review/{proposal}/answer", {"do": said, "round": "1"})
    Answer.objects.filter(proposal=other).update(proposal=None)
    Row.objects.filter(id=other).delete()
    back = desk.post("/review/undo")
    assert back["Location"] == "/review?done=settled-since" and "settled otherwise" in plain(desk.get(back["Location"]))
    assert Row.objects.get(id=one).state == "accepted"


def test_of_two_who_answer_the_second_is_told_who_was_first(database):
    one, _ = asked(0.1, 2.0)
    first, second = signed_in("service"), signed_in("manager")
    shown = form_of(first[0].get(f"/review/{one}"))
    first[0].post(f"/review/{one}/answer", {"do": "no", **shown})
    late = second[0].post(f"/review/{one}/answer", {"do": "yes", **shown}, HTTP_HX_REQUEST="true")
    assert "Answered meanwhile by service-" in plain(late)
    assert Answer.objects.count() == 1


def test_evidence_that_this_site_did_not_sign_is_not_kept(database):
    [one] = asked(0.1)
    desk, _ = signed_in("service")
    desk.post(f"/review/{one}/answer", {"do": "no", "round": "1", "evidence": "eyJvZiI6MX0:forged"})
    assert Answer.objects.get().evidence == {}


def test_filters_leave_what_they_say(database):
    asked(-3.0, 0.5)
    desk, _ = signed_in("service")
    assert "What waits for you 2" in plain(desk.get("/review"))
    assert "What waits for you 1 / 2" in plain(desk.get("/review?band=two&channel=1&kind=person"))
    assert "Nothing of this kind waits" in plain(desk.get("/review?since=2100-01-01"))
    assert "What waits for you 2" in plain(desk.get("/review?since=never&channel=x&after=y"))


def labels(owner: Actor, *said: tuple[float, str]) -> None:
    for weight, verdict in said:
        Answer.objects.create(
            id=new_id(), proposal=new_id(), round=1, verdict=verdict, sure=True, by=owner.human, weight=weight, decided=True,
            controller=1, kind=1,
        )  # fmt: skip


def test_what_answers_teach_and_weights_that_wait(database):
    admit(ALICE, {**ALICE, "external_id": "B1"})
    desk, who = signed_in("privacy")
    assert "No label yet" in plain(desk.get("/review/answers"))
    assert "No weights yet" in plain(desk.get("/review/weights"))
    labels(owner_actor(), *[(2.0, "no")] * 30, *[(2.0, "yes")] * 10, *[(9.0, "yes")] * 5)
    told = plain(desk.get("/review/answers"))
    assert "45 labels, 15 of them one customer" in told and "80% 40 10 25% 14%–40%" in told
    kept = {"name": "few-records", "birth": "few-records", "email": "astray"}
    content = {**SHIPPED, "levels": {"phone": EMAIL[:4]}, "fell_back": kept}
    first = weights.keep_learned(Group(1, "person"), content, run=new_id())
    told = plain(desk.get(f"/review/weights/{first.id}"))
    assert "Email what was learned contradicts itself" in told and "Birth date, Name too few records" in told
    made = weights.keep_learned(Group(1, "person"), TIMID, run=new_id())
    here = f"/review/weights/{made.id}"
    assert "it cannot come in force before" in plain(desk.get(here))
    assert desk.post(f"{here}/adopt")["Location"].endswith("done=not-compared")
    assert desk.post(f"{here}/compare")["Location"].endswith("done=compared")
    seen = desk.get(here)
    assert "Put in force" in plain(seen) and "/review/look/" in text_of(seen)
    look = re.search(r"/review/look/[0-9a-f-]+/[0-9a-f-]+", text_of(seen))
    parted = re.findall(r"<td[^>]*>.*?</td>", text_of(desk.get(look[0])), re.DOTALL)
    assert any("1984-03-09" in cell for cell in parted)
    ends = [uuid.UUID(part) for part in look[0].split("/")[-2:]]
    certainty, why = linking.PROBABLE, linking.WHY["linkage"]
    linking.assign(_raw(), [(ends[0], ends[1])], certainty=certainty, why=why, run=None, by=owner_actor().staff)
    joined = re.findall(r"<td[^>]*>.*?</td>", text_of(desk.get(look[0])), re.DOTALL)
    assert joined == parted  # those whom other weights would part are looked at, too, each by what it says
    assert desk.get(f"/review/look/{ends[0]}/{ONE}").status_code == 404  # a pair that no comparison names
    service, _ = signed_in("service")
    assert f"{here}/adopt" not in text_of(service.get(here))
    desk.post(f"{here}/adopt")
    assert Weights.objects.get(state="in-force").in_force_by == who.human
    assert weights.version_of(first.id).state == "retired"
    taught = desk.post("/review/weights/teach", {"group": "1:person"})
    assert "with what people answered" in plain(desk.get(taught["Location"].partition("?")[0]))


def test_lineage_tells_which_value_counts_by_which_rule_and_who_lost(database):
    [first] = admit({"full_name": "Lin Wanqing", "gender": "female"})
    time.sleep(0.002)  # a record's id tells the millisecond it came in
    [second] = admit({"full_name": "林婉清", "gender": "female"})
    linking.assign(
        _raw(),
        [(first, second)],
        certainty=linking.CONFIRMED,
        why=linking.WHY["review"],
        run=None,
        by=owner_actor().staff,
    )
    desk, who = signed_in("service")
    page = desk.get(f"/customers/{second}/lineage")
    told = plain(page)
    assert "counts 林婉清 It counts: said later" in told and "stands behind Lin Wanqing It lost: said later" in told
    assert "female It counts: all say the same" in told and "Store" in told and "Contract" in told
    assert f"/customers/{first}/lineage" in text_of(desk.get(f"/customers/{first}"))
    with connection.cursor() as cursor:
        cursor.execute("select action from ledger_entry where human = %s and action = 1", [who.human])
        assert len(cursor.fetchall()) == 2
    marketing, _ = signed_in("marketing")
    assert "林婉清" not in text_of(marketing.get(f"/customers/{second}/lineage"))  # never agreed


def test_lineage_names_who_corrected_a_value(database):
    [lin] = admit(LIN)
    desk, _ = signed_in("service")
    correct(lin, "email", "right@mail.example", reason="misspelt", actor=staff("privacy"))
    told = plain(desk.get(f"/customers/{lin}/lineage"))
    assert "Edited by privacy" in told and "edited here, by somebody who saw what stood" in told


def test_a_channel_trusted_more_counts_before_what_came_later(database):
    desk, who = signed_in("privacy")
    assert desk.post("/channels/1/trust", {"trust": "99"}).status_code == 422
    assert desk.post("/channels/1/trust", {"trust": "3"})["Location"].endswith("done=trust")
    assert trust() == {1: 3}
    [subject] = admit(LIN)
    assert "trust of the channel" in plain(desk.get(f"/customers/{subject}/lineage"))
    with pytest.raises(ActRefused):
        set_trust(1, 1, actor=signed_in("service")[1])
    with connection.cursor() as cursor:
        cursor.execute("select count(*) from ledger_entry where action = 92 and human = %s", [who.human])
        assert cursor.fetchone() == (1,)


@pytest.mark.parametrize("language", ["zh-hans", "zh-hant"])
def test_every_word_is_translated(database, language):
    [one] = asked(1.0)
    desk, _ = browsing.signed_in("privacy", "rights-request")
    desk.defaults["HTTP_ACCEPT_LANGUAGE"] = language
    labels(owner_actor(), (2.0, "no"), (3.0, "yes"))
    weights.keep_learned(Group(1, "person"), SHIPPED, run=new_id())
    customer = waiting.proposal_of(one).older
    for path in ("/review", f"/review/{one}", "/review/answers", "/review/weights", f"/customers/{customer}/lineage"):
        main = re.split(r"<main[^>]*>", text_of(desk.get(path)))[1].split("</main>")[0]
        words = re.sub(r"\S*@\S+|&\w+;", " ", re.sub(r"<[^>]+>", " ", re.sub(r"</?mark>", "", main)))
        assert re.findall(r"\b(?!bits\b)[a-z]{3,}\b", words) == [], path
    assert waiting.count_waiting() == 1
