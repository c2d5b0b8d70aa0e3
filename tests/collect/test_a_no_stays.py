"""A no stays a no: of one record beside others of the customer, after a milder word, through an erasure, and beside lists."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from uuid import UUID

import pytest
from django.db import connection, transaction

from kehu.collect.channels import Asked
from kehu.collect.inbox.hands import Errand
from kehu.govern.consent import Statement, give_consent
from kehu.govern.models import Channel
from kehu.govern.slugs import PURPOSES
from kehu.govern.subscriptions import Said, SuppressedHere, say, standing
from kehu.guard.gate.read import gate
from kehu.guard.gate.suppress import carry_suppressions
from kehu.guard.installation import installation
from kehu.guard.staff.actions import actor_of, owner_actor
from kehu.serve.mailing import links, lists, preferences
from kehu.serve.rights.asked import take_subscription
from kehu.vault.assignment import PROBABLE, assign, unassign
from kehu.vault.copying import int8_items
from kehu.vault.erasure import Suppressions, write_suppressions
from kehu.vault.ids import new_id
from tests.cast import admit, staff

BY = new_id()
LIN = {"full_name": "林婉清", "email": "lin@mail.example"}
AGAIN = {"full_name": "林婉清", "email": "lin@work.example"}
STOPPED, SUPPRESSED = "house.subscription-opt-out", "house.subscription-suppressed"
NUMBER = "11010519491231002X"


def rows(query: str, *parameters: object) -> list[tuple]:
    with connection.cursor() as cursor:
        cursor.execute(query, list(parameters))
        return cursor.fetchall()


def tell(subject, status="subscribed", **more):
    said = Said(status, way="phone", ground="consent" if status == "subscribed" else "", **more)
    say(subject, "email", "newsletter", said=said, recorded_by=BY, id=new_id())


def subscribed(*people) -> list:
    """These, who agreed to marketing and to the newsletter."""
    made = admit(*people)
    for one in made:
        how = Statement(notice=1, way="recorded by staff")
        give_consent(one, purpose=PURPOSES["marketing"], purpose_version=1, statement=how, recorded_by=BY, id=new_id())
        tell(one)
    return made


def sent(subject):
    """The addresses that the newsletter goes to, or why none."""
    options = {"fields": ["email"], "use": "contact", "medium": "email", "topic": "newsletter"}
    [opened] = gate().open([subject], actor=marketer(), purpose="marketing", **options)
    return sorted(str(one.given) for one in opened.contributions) or opened.denied()["email"].policy


@pytest.fixture(autouse=True)
def _sender(database):
    staff("marketing")


def marketer():
    return actor_of("marketing@kehu.example")


def join(one, other):
    with transaction.atomic():
        assign(connection.connection, [(one, other)], certainty=PROBABLE, why=5, run=None, by=new_id())


def part(one, other):
    with transaction.atomic():
        unassign(connection.connection, [(one, other)], run=None, by=new_id())


def listed(tmp_path, *addresses, **scope):
    file = tmp_path / "robinson.csv"
    file.write_text("".join(f"{one}\n" for one in addresses), "utf-8")
    lists.bring(file, "robinson", actor=marketer(), **scope)


def by_a_shop(subject, status, at):
    asked = Asked("subscription", "x", {"medium": "email", "status": status, "at": at.isoformat()})
    errand = Errand(asked, subject, Channel.objects.order_by("id").first(), 1, at, owner_actor())
    with transaction.atomic():
        return take_subscription(errand)


class TestASuppression:
    def test_is_not_lifted_by_a_milder_no(self):
        [lin] = subscribed(LIN)
        tell(lin, "suppressed")
        tell(lin, "unsubscribed")
        with pytest.raises(SuppressedHere):
            tell(lin)
        assert sent(lin) == SUPPRESSED
        tell(lin, own=True)  # the customer alone
        assert sent(lin) == ["lin@mail.example"]

    def test_of_a_list_is_not_lifted_by_a_shop_that_says_no_then_yes(self, tmp_path):
        [lin] = subscribed(LIN)
        listed(tmp_path, "lin@mail.example")
        now = datetime.now(UTC)
        for seconds, status in ((1, "subscribed"), (2, "unsubscribed"), (3, "subscribed")):
            by_a_shop(lin, status, now + timedelta(seconds=seconds))
        assert sent(lin) == SUPPRESSED

    def test_of_another_record_stays_its_own(self):
        lin, again = subscribed(LIN, AGAIN)
        tell(again, "suppressed")
        join(lin, again)
        tell(lin, "unsubscribed")
        with pytest.raises(SuppressedHere):
            tell(lin)
        part(lin, again)
        assert (sent(lin), sent(again)) == (STOPPED, SUPPRESSED)

    @pytest.mark.parametrize("addresses", [("lin@mail.example",), ("lin@mail.example", "lin@work.example")])
    def test_of_a_list_stays_with_the_record_when_they_are_parted(self, tmp_path, addresses):
        lin, again = subscribed(LIN, AGAIN)
        if len(addresses) == 1:
            tell(again, "suppressed")
        join(lin, again)
        listed(tmp_path, *addresses, topic="newsletter", medium="email")
        part(lin, again)
        assert (sent(lin), sent(again)) == (SUPPRESSED, SUPPRESSED)


class TestAnOptOut:
    def test_by_the_page_of_preferences_counts_though_another_record_said_nothing(self):
        [lin] = subscribed(LIN)
        [again] = admit(AGAIN)
        join(lin, again)
        assert sent(lin) == ["lin@mail.example"]
        letter = links.make(links.Letter(lin, "email", "newsletter"))
        shown = {one.topic.slug: one.on for one in preferences.held(letter).letters}
        preferences.choose(letter, [], language="en")
        assert (shown["newsletter"], sent(lin)) == (True, STOPPED)

    def test_by_one_press_is_kept_though_another_record_was_off_already(self):
        lin, again = subscribed(LIN, AGAIN)
        tell(again, "unsubscribed")
        join(lin, again)
        preferences.stop(links.make(links.Letter(lin, "email", "newsletter")), language="en")
        part(lin, again)  # they were two people
        assert sent(lin) == STOPPED

    @pytest.mark.parametrize("others", ["subscribed", "unsubscribed"])
    def test_that_comes_late_is_its_records_whatever_another_said_since(self, others):
        lin, again = subscribed(LIN, AGAIN)
        now = datetime.now(UTC) + timedelta(hours=4)
        assert by_a_shop(again, "subscribed", now - timedelta(hours=3)) is None
        tell(lin, others, at=now - timedelta(hours=1))
        join(lin, again)
        why = by_a_shop(again, "unsubscribed", now - timedelta(hours=2))
        if others == "unsubscribed":
            part(lin, again)
        assert (why, sent(again)) == (None, STOPPED)


class TestWhatAnErasureRemembers:
    def test_counts_where_the_id_is_known_already(self, bring, kehu, desk):
        bring("external_id,full_name,email\nE1,Eva Oh,eva@mail.example\n", channel="shop")
        [eva] = desk.find("email=eva@mail.example")
        tell(UUID(eva), "unsubscribed")
        assert kehu("erase", eva, "--reason", "asked").code == 0
        bring("external_id,full_name,email\nF1,Eva Oh,eva@mail.example\n", channel="form")
        # here an order comes first, under the id
        bring("order_id,external_id,ordered_at,amount\nA9,K9,2026-01-02,5\n", "--kind", "orders")
        bring("external_id,full_name,email\nK9,Eva Oh,eva@mail.example\n")
        found = rows("select objections from subject_state where not hidden order by subject")
        assert [PURPOSES["marketing"] in held for (held,) in found] == [True, True]

    def test_of_two_addresses_of_one_person_is_both(self, database):
        purposes = [PURPOSES["marketing"], PURPOSES["personalisation"]]
        one, other = (installation().tokens.search("email", "exact", f"{n}@x.example") for n in "ab")
        [lin] = admit(LIN)
        until = datetime.now(UTC).date() + timedelta(days=99)
        drafts = [  # what an admission hands over of two rows of one new person
            SimpleNamespace(subject=lin.bytes, record=new_id().bytes, tokens=int8_items([token]), new_subject=True)
            for token in (one, other)
        ]
        with transaction.atomic():
            raw = connection.connection
            write_suppressions(raw, Suppressions((one,), tuple(purposes), False, until), new_id())
            write_suppressions(raw, Suppressions((other,), (), True, until), new_id())
            carry_suppressions(raw, drafts, by=BY)
        assert rows("select objections, opted_out from subject_state where subject = %s", lin) == [
            (sorted(purposes), True)
        ]


class TestAListBesideOthersWords:
    def newsletter(self, subject) -> str:
        return {one.topic: one.status for one in standing(subject)}["newsletter"]

    def test_it_counts_for_an_address_that_came_after_a_subscription_by_staff(self, bring, desk, tmp_path):
        bring("external_id,full_name,email\nK1,Ann Lee,ann@old.example\n")
        listed(tmp_path, "ann@new.example")
        [ann] = map(UUID, desk.find("email=ann@old.example"))
        tell(ann)
        bring("external_id,full_name,email\nK1,Ann Lee,ann@new.example\n")
        assert self.newsletter(ann) == "suppressed"

    def test_it_does_not_come_back_over_the_customers_own_word(self, bring, tmp_path):
        bring(f"external_id,full_name,national_id\nK1,林婉清,{NUMBER}\n")
        bring(f"external_id,full_name,email,national_id\nS1,林婉清,lin@mail.example,{NUMBER}\n", channel="shop")
        listed(tmp_path, "lin@mail.example")
        [(first,), *_] = rows("select subject from subject_state where not hidden order by subject")
        tell(first, own=True)
        assert self.newsletter(first) == "subscribed"
        for place in ("Bei", "Nan"):
            row = f"S1,林婉清,lin@mail.example,{NUMBER},{place}\n"
            bring(f"external_id,full_name,email,national_id,locality\n{row}", channel="shop")
        assert self.newsletter(first) == "subscribed"


def test_customers_taken_back_and_brought_in_again_keep_their_orders(bring, kehu, desk):
    customers = "external_id,full_name,email\nK1,Ann Lee,ann@mail.example\n"
    orders = "order_id,external_id,ordered_at,amount,currency\nA1,K1,2026-01-02,12.50,CNY\n"
    first = bring(customers)
    bring(orders, "--kind", "orders")
    kehu("import", "undo", first.json["import"])
    bring(customers.replace("Lee", "Li"))
    [ann] = desk.find("email=ann@mail.example")
    bring(orders.replace("A1", "A2"), "--kind", "orders")
    held = "select count(*) from record r join subject_state s using (subject) where r.kind = 3 and not r.hidden and s.customer = %s"
    assert rows(held, ann) == [(2,)]
