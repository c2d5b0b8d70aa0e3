"""What may be declared, what may not, and that a refusal says where and what to do."""

from __future__ import annotations

import pytest

from kehu.govern.dictionary import Dictionary
from kehu.govern.purposes import load_purposes
from kehu.govern.slugs import LANGUAGES
from kehu.refine.derive import checking, inputs
from kehu.refine.derive.checking import compiled
from kehu.refine.derive.definition import shipped
from kehu.refine.derive.faults import Fault, _texts
from tests.refine.derive.conftest import definition

# what people try, and why it does not come in
REFUSED_SQL = {
    "select full_name from orders": "input-identity",
    "select sum(phone) from orders": "input-identity",
    "select count(order_id) from orders": "input-identity",
    "select sum(national_id) from orders": "input-sensitive",
    "select count(*) from orders where credit_score > 1": "input-sensitive",
    "select count(*) from interactions where text like '%x%'": "input-free-text",
    "select count(*) from orders where shoe > 1": "input-unknown",
    "select max(product) from orders": "number",
    "select product from orders": "outside-count",
    "select count(*) from orders group by product": "key",
    "select case when count(*) > 1 then product end from orders": "outside-count",
    "select count(*) from orders group by case when amount > 1 then product else 'x' end": "text-out",
    "select count(*) from orders group by coalesce(product, 'x')": "text-out",
    "select count(*) filter (where product = order_status) from orders": "text-with-text",
    "select count(*) from orders where product > 'a'": "order-of-text",
    "select sum(cast(product as bigint)) from orders": "not-allowed",
    "select sum(length(product)) from orders": "not-allowed",
    "select sum(ascii(product)) from orders": "not-allowed",
    "select sum(strpos(product, '1')) from orders": "not-allowed",
    "select count(distinct product) from orders": "distinct",
    "select list(product) from orders": "not-allowed",
    "select string_agg(product, '') from orders": "not-allowed",
    "select count(*) from customers": "source",
    "select count(*) from 'x.csv'": "source",
    "select count(*) from read_csv('/etc/passwd')": "source",
    "select count(*) from main.orders": "source",
    "select count(*) from orders, interactions": "part",
    "select count(*) from orders join interactions on true": "part",
    "select read_text('/etc/passwd') from orders": "not-allowed",
    "select getenv('HOME') || count(*) from orders": "not-allowed",
    "select (select count(*) from orders) from orders": "not-allowed",
    "select count(*) from orders where amount > (select 1)": "not-allowed",
    "select count(*) from orders where amount in (select 1)": "list",
    "with a as (select 1) select count(*) from orders": "part",
    "select count(*) from orders limit 5": "part",
    "select count(*) from orders order by 1": "part",
    "select count(*) over () from orders": "not-allowed",
    "select count(*), sum(amount) from orders": "one-value",
    "select count(* exclude (amount)) from orders": "distinct",
    "select 1 from orders": "no-count",
    "select count(*) > 3 from orders group by channel": "keyed-number",
    "select case when count(*) > 3 then 'often' else 'seldom' end from orders group by channel": "keyed-number",
    "select count(*) from orders; drop table record": "one-select",
    "attach 'x'": "one-select",
    "copy orders to 'x'": "one-select",
    "select count(*": "unreadable",
    "": "empty",
    "select count(sum(amount)) from orders": "count-in-count",
    "select days_since(amount) from orders": "outside-count",
    "select count(*) from orders group by all": "one-key",
    "select recency from traits": "unknown-trait",
    "select " + "(" * 60 + "count(*)" + ")" * 60 + " from orders": "too-deep",
}  # fmt: skip
REFUSED_PYTHON = {
    "__import__('os').system('x')": "not-allowed",
    "count().__class__": "not-allowed",
    "[x for x in amount]": "not-allowed",
    "lambda: 1": "not-allowed",
    "f'{amount}'": "not-allowed",
    "(yield)": "not-allowed",
    "open('x')": "not-allowed",
    "max(full_name)": "input-identity",
    "max(product)": "number",
    "count(by=product)": "key",
    "sum(amount": "unreadable",
    "amount": "outside-count",
    "1+" * 990 + "1": "too-deep",
    "-" * 1_900 + "1": "too-deep",
}  # fmt: skip


@pytest.mark.parametrize(("text", "code"), REFUSED_SQL.items())
def test_sql_that_is_no_trait(text, code):
    with pytest.raises(Fault) as wrong:
        compiled("sql", text)
    assert wrong.value.code in (code, "outside-count" if code == "not-allowed" else code)


@pytest.mark.parametrize(("text", "code"), REFUSED_PYTHON.items())
def test_python_that_is_no_trait(text, code):
    with pytest.raises(Fault) as wrong:
        compiled("python", text, "orders")
    assert wrong.value.code == code


def test_no_field_that_names_or_reaches_somebody_is_an_input():
    fields = Dictionary.load().fields
    allowed = inputs.fields_allowed()
    for name in allowed:
        assert (
            fields[name].event and fields[name].level <= 3 and fields[name].category in ("transaction", "interaction")
        )
    for source in inputs.SOURCES:
        for name in set(fields) - set(inputs.inputs_of(source)):
            with pytest.raises(Fault) as wrong:
                compiled("sql", f"select count({name}) from {source}")
            assert wrong.value.code.startswith("input-"), name


def test_a_refusal_names_the_place_and_the_remedy_in_three_languages():
    with pytest.raises(Fault) as wrong:
        compiled("sql", "select count(*) from orders\nwhere full_name = 'x'")
    assert wrong.value.place.startswith("2:") and "full_name" in wrong.value.place
    for code, texts in _texts().items():
        assert set(texts) == set(LANGUAGES), code
        for language in LANGUAGES:
            fault = Fault(code, "1:1 x", "w")
            assert fault.message(language).endswith("[1:1 x]") and fault.remedy(language)


def test_both_languages_say_the_same():
    sql = compiled("sql", "select count(*) filter (where amount > 10) from orders")
    python = compiled("python", "count(where=amount > 10)", "orders")
    assert [slot.id for slot in sql.slots] == [slot.id for slot in python.slots]
    assert python.fields == {"amount"}


def test_whatever_ships_may_come_into_force():
    held = {}
    for slug, one in shipped().items():
        held[slug] = (one, one.checked(load_purposes(), held))
    assert {one.purpose for one, _ in held.values()} == {"analytics", "personalisation"}
    assert all(one.label(language) and one.description(language) for one, _ in held.values() for language in LANGUAGES)


@pytest.mark.parametrize(
    ("parts", "code"),
    [
        ({"purpose": ""}, "purpose"),
        ({"purpose": "marketing"}, "purpose-needs"),  # its least set has nothing of orders
        ({"expression": "select sum(amount) from orders"}, "level"),
        ({"level": 5}, "level"),
        ({"retention_days": 100_000}, "retention"),
        ({"bands": [3, 2]}, "bands"),
        ({"label": {"en": "x"}}, "labels"),
        ({"expression": "select count(*) from orders where product like '%insulin%'"}, "reveals"),
    ],
)
def test_a_declaration_that_lacks_something(parts, code):
    with pytest.raises(Fault) as wrong:
        definition("shoes", **{"expression": "select count(*) from orders"} | parts).checked(load_purposes(), {})
    assert wrong.value.code == code


@pytest.mark.parametrize("slug", ["who", "key", "today", "value"])
def test_no_trait_is_called_as_a_column_of_what_is_computed(slug):
    with pytest.raises(Fault) as wrong:
        definition(slug, "select count(*) from orders").checked(load_purposes(), {})
    assert wrong.value.code == "slug"


def test_nothing_but_words_of_the_declaration_comes_out_as_a_word():
    made = compiled("sql", "select case when count(*) > 3 then 'many' else 'few' end from orders")
    assert made.shape == "word" and made.words == {"many", "few"}
    assert {checking.SCALE} == {10_000}
