"""Orders and interactions: whose they are, and what makes two of them one."""

from __future__ import annotations

from django.db import connection

CUSTOMERS = "external_id,full_name,email,phone\nK1,Ann Lee,ann@mail.example,13800006721\nK2,Bob Wu,bob@mail.example,\n"
ORDERS = "order_id,external_id,ordered_at,amount,currency\nA1,K1,2026-01-02,12.50,CNY\nA2,K1,2026-01-03,3,CNY\nA3,K9,2026-01-03,5,CNY\n"


def rows(query: str, *parameters) -> list:
    with connection.cursor() as cursor:
        cursor.execute(query, list(parameters))
        return cursor.fetchall()


def subjects() -> int:
    return rows("select count(distinct customer) from subject_state where not hidden")[0][0]


def test_external_id_names_the_customer(bring):
    bring(CUSTOMERS)
    assert bring(ORDERS, "--kind", "orders").counts() == (3, 3, 0, 0, 0, 0)
    assert subjects() == 3  # K9 waits as a customer of its own
    shared = rows("select count(*) from record group by subject order by 1")
    assert [row[0] for row in shared] == [1, 1, 3]
    assert rows("select count(*) from assignment") == [(0,)]


def test_orders_that_came_first_belong_to_the_customer_who_comes_later(bring, desk):
    bring(ORDERS, "--kind", "orders")
    assert subjects() == 2
    assert bring(CUSTOMERS).counts() == (2, 2, 0, 0, 0, 0)
    assert subjects() == 3
    [ann] = desk.find("email=ann@mail.example")
    assert rows("select count(*) from record where subject = %s and kind = 3", ann) == [(2,)]


def test_the_order_id_is_an_orders_own_key(bring):
    bring(CUSTOMERS)
    bring(ORDERS, "--kind", "orders")
    assert bring(ORDERS, "--kind", "orders").counts() == (3, 0, 0, 0, 3, 0)
    assert bring(ORDERS.replace("12.50", "13.50"), "--kind", "orders").counts() == (3, 0, 1, 0, 2, 0)


def test_without_an_order_id_repeats_are_told_apart_by_their_number(bring):
    bring(CUSTOMERS)
    text = "external_id,ordered_at,amount\nK1,2026-01-02,5\nK1,2026-01-02,5\nK1,2026-01-03,5\n"
    assert bring(text, "--kind", "orders").counts() == (3, 3, 0, 0, 0, 0)
    assert bring(text, "--kind", "orders").counts() == (3, 0, 0, 0, 3, 0)
    more = bring(text + "K1,2026-01-02,5\n", "--kind", "orders")
    assert more.counts() == (4, 1, 0, 0, 3, 0)


def test_an_email_that_one_customer_has_joins_probably_and_can_be_undone(bring):
    bring(CUSTOMERS)
    text = "order_id,email,ordered_at,amount\nB1,ANN@mail.example,2026-01-02,5\nB2,nobody@mail.example,2026-01-02,5\n"
    answer = bring(text, "--kind", "orders")
    assert answer.counts() == (2, 2, 0, 0, 0, 0)
    assert rows("select certainty, why from assignment") == [(3, 3)]
    assert subjects() == 3
    assert rows("select count(*) from subject_state where customer <> core or core = subject") != [(0,)]


def test_a_phone_joins_too_but_not_a_shared_one(bring):
    bring(CUSTOMERS + "K3,Cem Ay,,13900001111\nK4,Dan Po,,13900001111\n")
    text = "order_id,phone,ordered_at,amount\nB1,138-0000-6721,2026-01-02,5\nB2,13900001111,2026-01-02,5\n"
    bring(text, "--kind", "orders", "--residence", "CN")
    assert rows("select count(*) from assignment") == [(1,)]


def test_email_and_phone_of_two_customers_wait(bring):
    bring(CUSTOMERS)
    text = "order_id,email,phone,ordered_at,amount\nB1,bob@mail.example,13800006721,2026-01-02,5\n"
    bring(text, "--kind", "orders")
    assert rows("select count(*) from assignment") == [(0,)]


def test_interactions(bring, desk):
    bring(CUSTOMERS)
    text = "external_id,at,kind,topic,text\nK1,2026-01-02 10:00,call,delivery,Where is it?\nK1,2026-01-02 10:00,call,delivery,Where is it?\n"
    assert bring(text, "--kind", "interactions").counts() == (2, 2, 0, 0, 0, 0)
    assert bring(text, "--kind", "interactions").counts() == (2, 0, 0, 0, 2, 0)
    assert rows("select count(*) from record where kind = 4") == [(2,)]


def test_an_erased_customers_orders_do_not_bring_them_back(bring, kehu, desk):
    bring(CUSTOMERS)
    [ann] = desk.find("email=ann@mail.example")
    assert kehu("erase", ann, "--reason", "asked").code == 0
    assert bring(CUSTOMERS).counts() == (2, 0, 0, 0, 1, 1)
    assert bring(ORDERS, "--kind", "orders").counts() == (3, 1, 0, 0, 0, 2)
    reasons = [row["reason"] for row in kehu("quarantine", "list").json["rows"]]
    assert reasons == ["erased"] * 3
