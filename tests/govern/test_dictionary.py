"""The dictionary: what every field must have, and masks that never give a value away."""

from __future__ import annotations

import subprocess
import sys

import phonenumbers
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kehu.govern import dictionary as module
from kehu.govern.dictionary import Dictionary, UnknownField
from kehu.govern.masks import DOTS, RULES
from kehu.govern.slugs import CATEGORIES, LANGUAGES

DICTIONARY = Dictionary.load()
CONTRACT = (
    "external_id full_name given_name family_name second_given_name second_family_name gender birth_date birth_place"
    " national_id occupation income legal_name registration_number email phone address street house_number unit"
    " locality region postal_code country order_id ordered_at amount currency quantity product kind at topic text"
    " language interests credit_score credit_limit platform handle"
)


def test_holds_the_names_of_the_contract():
    assert set(CONTRACT.split()) <= set(DICTIONARY.fields)
    assert len(DICTIONARY.fields) >= 45


def test_every_category_has_fields():
    assert set(DICTIONARY.by_category) == set(CATEGORIES) and all(DICTIONARY.by_category.values())


def test_ids_are_stable():
    known = {"external_id": 1, "full_name": 2, "national_id": 10, "email": 20, "order_id": 40, "kind": 50,
             "language": 60, "credit_score": 70, "platform": 80}  # fmt: skip
    assert {name: DICTIONARY.field(name).id for name in known} == known


@pytest.mark.parametrize("name", DICTIONARY.fields)
def test_a_field(name):
    field = DICTIONARY.field(name)
    assert all(field.label(language) for language in LANGUAGES)
    assert (field.level == 4) == bool(field.sensitive)
    assert field.event == (
        field.category in ("transaction", "interaction") and name not in ("bank_account", "invoice_title")
    )


def test_sensitive_fields_are_those_of_the_law():
    four = {name for name, field in DICTIONARY.fields.items() if field.level == 4}
    assert {"national_id", "passport_number", "income", "bank_account", "credit_score", "credit_limit", "diet"} <= four


def test_an_unknown_field_is_refused():
    with pytest.raises(UnknownField):
        DICTIONARY.field("favourite_colour")


@pytest.mark.parametrize(
    ("field", "value", "masked"),
    [
        ("phone", "+8613812346721", "138 •••• 6721"),
        ("phone", "13812346721", "138 •••• 6721"),
        ("phone", "+862112345678", "+86 •••• 5678"),
        ("phone", "+81 3-1234-6954", "+81 •••• 6954"),
        ("phone", "+16502530183", "+1 •••• 0183"),
        ("phone", "+85212346789", "+852 •••• 6789"),
        ("phone", "+493012345", "•••• 45"),
        ("phone", "12345", DOTS),
        ("email", "lin@mail.example", "l•••••@mail.example"),
        ("email", "li@mail.example", "•••••@mail.example"),
        ("email", "no mailbox", DOTS),
        ("full_name", "张三", "张**"),
        ("full_name", "Michaela Neumann", "M**"),
        ("full_name", "张", "**"),
        ("given_name", "三", DOTS),
        ("birth_date", "1990-01-05", "1990-**-**"),
        ("birth_date", "19900105", "1990-**-**"),
        ("birth_date", "1990年1月5日", "1990-**-**"),
        ("birth_date", "05/01/1990", DOTS),
        ("national_id", "11010519491231002X", "••••002X"),
        ("national_id", "123456789", DOTS),
        ("address", "浙江省杭州市西湖区文一路1号", "浙江••••"),
        ("address", "12 High Street", DOTS),
        ("income", "120000", DOTS),
        ("currency", "CNY", "CNY"),
        ("email", "", ""),
        ("email", None, ""),
    ],
)
def test_masks(field, value, masked):
    assert DICTIONARY.mask(field, value) == masked


def test_a_mask_knows_every_calling_code():
    for code in map(str, phonenumbers.COUNTRY_CODE_TO_REGION_CODE):
        assert RULES["phone"](f"+{code}5551234567").startswith(f"+{code} ")


@pytest.mark.parametrize("rule", [rule for rule in RULES if rule != "none"])
@given(value=st.text(alphabet=st.characters(exclude_characters="•*-@ "), min_size=2, max_size=40))
def test_a_mask_never_fails_and_never_shows_the_value(rule, value):
    masked = RULES[rule](value)
    assert masked and (len(value.strip()) < 2 or value.strip() not in masked)


@pytest.mark.parametrize("rule", ["phone", "tail", "all", "name", "address"])
@given(value=st.text(alphabet="0123456789abcXYZ林婉清", min_size=1, max_size=6))
def test_short_values_show_at_most_one_character_of_six(rule, value):
    assert sum(character in value for character in RULES[rule](value)) <= 1


def test_needs_no_django():
    code = (
        "import sys, kehu.govern.dictionary, kehu.govern.purposes, kehu.govern.laws; sys.exit('django' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.parametrize(
    "change",
    [{"category": "soul"}, {"level": 5}, {"type": "song"}, {"mask": "half"}, {"search": ["fuzzy"]}, {"en": ""},
     {"level": 4}, {"sensitive": "health"}, {"mask": "none"}],
)  # fmt: skip
def test_a_faulty_table_is_refused(change):
    row = {"id": 1, "category": "contact", "level": 3, "type": "email", "sensitive": "", "search": ["exact"],
           "mask": "email", "event": False, "zh-hans": "邮箱", "zh-hant": "郵箱", "en": "Email"}  # fmt: skip
    assert module._field("email", row).name == "email"
    with pytest.raises(ValueError, match="dictionary field email"):
        module._field("email", {**row, **change})
