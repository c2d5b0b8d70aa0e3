"""Linkage of small tables: who merges, who waits for a reviewer, who is left alone. Shipped weights, no training."""

from __future__ import annotations

import random
from pathlib import Path

import duckdb
import pyarrow as pa
import pytest

from kehu.refine.resolve.compare.features import Kind, prepare
from kehu.refine.resolve.compare.spelling import spell, spell_surname
from kehu.refine.resolve.linkage.edges import MERGE_FROM
from kehu.refine.resolve.linkage.link import LinkageFailed, LinkResult, connect, link

ALICE = {"given_name": "alice", "family_name": "harper", "birth_date": "1984-03-09", "gender": "female"}
HOME = {
    "house_number": "12", "street": "rosella street", "locality": "marsden", "postal_code": "4132", "region": "qld",
    "phone": "+61255501234", "email": "harper@mail.example",
}  # fmt: skip
WANG = {"full_name": "王晓明", "given_name": "晓明", "family_name": "王", "birth_date": "1990-01-05"}
WANG_HOME = {
    "street": "中山路",
    "house_number": "8",
    "locality": "上海市",
    "phone": "+8613055501234",
    "email": "wang@mail.example",
}


def resolve(*rows: dict[str, str | None], kind: Kind = "person") -> LinkResult:
    names = sorted({name for row in rows for name in row})
    columns = {name: pa.array([row.get(name) for row in rows], pa.string()) for name in names}
    return link(pa.table({"record": [str(n) for n in range(len(rows))], **columns}), kind=kind)


def verdict(one: dict[str, str | None], other: dict[str, str | None], kind: Kind = "person") -> str:
    result = resolve(one, other, kind=kind)
    return "merged" if result.merges else "asked" if result.proposals else "apart"


class TestPersons:
    def test_same_name_and_birth_date_at_one_address_merge(self):
        assert verdict({**ALICE, **HOME}, {**ALICE, **HOME, "email": None}) == "merged"

    def test_of_one_given_name_with_another_family_name_birthday_and_contact_nobody_is_asked_about(self):
        other = {**ALICE, **HOME, "family_name": "okafor", "birth_date": "1951-10-30"}
        unknown: dict[str, str | None] = {"phone": None, "email": None}
        elsewhere = {"phone": "+61255509876", "email": "okafor@post.example"}
        assert verdict({**ALICE, **HOME}, {**other, **elsewhere}) == "apart"
        assert verdict({**ALICE, **HOME}, {**other, **elsewhere, "birth_date": ALICE["birth_date"]}) != "apart"
        assert verdict({**ALICE, **HOME}, {**other, **unknown}) == "asked"  # it may be one badly typed record

    def test_given_name_and_birth_date_alone_merge_nobody(self):
        """Who married moved, too, perhaps; who shares nothing else is asked about, in however small a book."""
        apart = [
            {**ALICE, "family_name": name, "email": f"{name}@y.example"} for name in ("okafor", "petrov", "tanaka")
        ]
        found = resolve(*apart)
        assert found.merges == [] and found.proposals
        assert verdict(apart[0], {**apart[1], "email": apart[0]["email"]}) == "merged"

    @pytest.mark.parametrize(
        "change",
        [
            {"given_name": "alcie"},
            {"birth_date": "1984-09-03"},
            {"birth_date": "1984-03-08"},
            {"family_name": "harpr", "phone": None},
            {"given_name": "ALICE "},
            {"given_name": "alice jane"},
            {"given_name": "harper", "family_name": "alice"},
        ],
    )
    def test_a_slip_does_not_stand_in_the_way(self, change):
        assert verdict({**ALICE, **HOME}, {**ALICE, **HOME, **change}) == "merged"

    def test_everyday_form_of_a_given_name_is_the_same_name(self):
        robert = {"given_name": "robert", "family_name": "harper", "birth_date": "1984-03-09"}
        assert verdict({**robert, **HOME}, {**robert, **HOME, "given_name": "bob"}) == "merged"

    def test_a_middle_name_in_its_everyday_form_is_of_the_name(self):
        john = {"full_name": "john frederick harper", "given_name": "john", "family_name": "harper"}
        fred = {"full_name": "fred harper", "given_name": "fred", "family_name": "harper"}
        born = {"birth_date": "1984-03-09", **HOME}
        assert verdict({**john, **born}, {**fred, **born}) == "merged"
        assert verdict({**john, **born}, {**fred, **born, "full_name": "paul harper", "given_name": "paul"}) == "asked"

    def test_who_has_two_family_names_has_each(self):
        single, double = (
            {**ALICE, **HOME, "birth_date": None, "family_name": name} for name in ("carter", "okafor-carter")
        )
        assert verdict(single, double) == "merged"
        assert verdict(single, {**double, "family_name": "okafor-carterette"}) == "asked"

    @pytest.mark.parametrize("gender", ["male", "unknown"])
    def test_a_gender_that_nobody_of_the_name_has_says_nothing(self, gender):
        kate = {**ALICE, **HOME, "given_name": "kate"}
        assert verdict(kate, {**kate, "given_name": "catherine", "gender": gender}) == "merged"

    def test_a_gender_that_fits_either_tells_two_apart(self):
        sam = {**ALICE, **HOME, "full_name": "sam harper", "given_name": "sam"}
        samuel = {**sam, "full_name": "samuel harper", "given_name": "samuel", "gender": "male"}
        assert verdict(sam, samuel) == "asked"

    def test_household_alone_never_merges(self):
        brother = {"given_name": "edmund", "birth_date": "1987-11-30", "gender": "male"}
        assert verdict({**ALICE, **HOME}, {**ALICE, **HOME, **brother}) != "merged"
        assert verdict({**ALICE, **HOME}, {**ALICE, **HOME, "given_name": "edmund", "birth_date": None}) != "merged"
        assert verdict({**ALICE, **HOME, "given_name": None}, {**ALICE, **HOME}) != "merged"

    def test_given_names_in_another_order_are_one_name_on_one_birthday_only(self):
        """Where no name is in Han characters nothing says that its words are syllables."""
        named = {**HOME, "full_name": "Huang Chieh-chun", "given_name": "Chieh-chun", "family_name": "Huang"}
        turned = {**HOME, "full_name": "Huang Chun-chieh", "given_name": "Chun-chieh", "family_name": "Huang"}
        assert verdict(named, turned) == "asked"
        born = {"birth_date": "1984-03-09"}
        assert verdict({**named, **born}, {**turned, **born}) == "merged"
        last = {**HOME, "full_name": "Chieh-chun Huang"}
        assert verdict({**HOME, "full_name": "Huang Chieh-chun"}, last) == "merged"

    def test_all_that_a_household_shares_weighs_too_little_to_merge(self):
        """Surname, address, telephone and mailbox, capped together."""
        asked = resolve({**ALICE, **HOME}, {"family_name": "harper", **HOME}).proposals
        assert [weight < MERGE_FROM for _, _, weight in asked] == [True]

    def test_namesakes_of_one_household_are_asked_about(self):
        senior = {**ALICE, **HOME, "birth_date": None}
        assert verdict({**senior, "family_name": "harper sr"}, {**ALICE, **HOME}) == "asked"
        assert verdict({**ALICE, **HOME, "birth_date": "1958-06-17"}, {**ALICE, **HOME}) != "merged"
        assert verdict({**senior, "family_name": "harper sr"}, {**senior, "family_name": "harper jr"}) != "merged"

    def test_twins_are_asked_about(self):
        assert verdict({**ALICE, **HOME}, {**ALICE, **HOME, "given_name": "clara"}) == "asked"
        assert verdict({**ALICE, **HOME}, {**ALICE, **HOME, "given_name": "alicio", "gender": "male"}) != "merged"

    def test_a_household_of_three_is_not_asked_about(self):
        family = [
            {**ALICE, **HOME},
            {**ALICE, **HOME, "given_name": "edmund", "birth_date": "1987-11-30"},
            {**ALICE, **HOME, "given_name": "tobias", "birth_date": "1958-06-17"},
        ]
        result = resolve(*family)
        assert (result.merges, result.proposals) == ([], [])

    def test_shared_mailbox_of_strangers_is_left_alone(self):
        stranger = {"given_name": "noor", "family_name": "okafor", "birth_date": "1971-12-01", "email": HOME["email"]}
        assert verdict({**ALICE, **HOME}, stranger) == "apart"

    def test_same_number_and_agreeing_name_merge(self):
        assert (
            verdict({**ALICE, "national_id": "8813772"}, {**ALICE, "birth_date": None, "national_id": "8813772"})
            == "merged"
        )

    def test_same_number_with_another_name_does_not_merge(self):
        other = {"given_name": "noor", "family_name": "okafor", "birth_date": "1971-12-01"}
        assert verdict({**ALICE, "national_id": "8813772"}, {**other, "national_id": "8813772"}) != "merged"

    @pytest.mark.parametrize("family", ["harper", "novak"])
    @pytest.mark.parametrize("fact", ["occupation", "birth_place"])
    def test_what_twins_share_merges_nobody(self, fact, family):
        """Pupils have one occupation, and who was born together one birth place; so have two of one house and birthday."""
        one = {**ALICE, **HOME, fact: "student"}
        other = {**one, "given_name": "clara", "family_name": family}
        assert verdict(one, other) != "merged"
        own = {"phone": "+61355509999", "email": "clara@mail.example"}  # grown up, each has these of their own
        assert verdict(one, other | own) != "merged"
        bare = {"phone": None, "email": None, "street": None, "postal_code": None}
        assert verdict(one | bare, other | bare) != "merged"

    def test_two_valid_numbers_keep_twins_apart(self):
        one, other = resident_id("31010119900105", 101), resident_id("31010119900105", 103)
        assert (
            verdict({**WANG, **WANG_HOME, "national_id": one}, {**WANG, **WANG_HOME, "national_id": other}) == "apart"
        )

    def test_mistyped_number_does_not_keep_a_person_apart(self):
        one = resident_id("31010119900105", 101)
        mistyped = one[:8] + str((int(one[8]) + 1) % 10) + one[9:]
        assert (
            verdict({**WANG, **WANG_HOME, "national_id": one}, {**WANG, **WANG_HOME, "national_id": mistyped})
            == "merged"
        )


class TestChineseNames:
    @pytest.mark.parametrize(
        "change",
        [
            {"full_name": "王曉明", "given_name": "曉明"},
            {"full_name": "wang xiaoming", "given_name": "xiaoming", "family_name": "wang"},
            {"full_name": "Xiaoming Wang", "given_name": "Xiaoming", "family_name": "Wang"},
            {"full_name": "王晓明", "given_name": None, "family_name": None},
        ],
    )
    def test_script_and_sound_are_one_name(self, change):
        assert verdict({**WANG, **WANG_HOME}, {**WANG, **WANG_HOME, **change}) == "merged"

    def test_same_sound_in_other_characters_is_asked_about(self):
        other = {"full_name": "王小明", "given_name": "小明"}
        child = {**WANG, **WANG_HOME, "birth_date": "2018-01-05"}
        assert verdict(child, {**child, **other}) == "asked"
        apart = {"phone": "+8613055509999", "email": None}
        assert verdict({**WANG, **WANG_HOME}, {**WANG, **WANG_HOME, **other, **apart}) == "asked"

    def test_a_grown_up_with_one_telephone_is_no_pair_of_twins(self):
        assert (
            verdict({**WANG, **WANG_HOME}, {**WANG, **WANG_HOME, "full_name": "王小明", "given_name": "小明"})
            == "merged"
        )

    def test_a_family_name_of_another_character_at_ones_own_telephone_is_a_slip(self):
        unborn = {**WANG, **WANG_HOME, "birth_date": None}
        slip = {**unborn, "full_name": "玉晓明", "family_name": "玉"}
        assert verdict(unborn, slip) == "merged"
        assert verdict(unborn, {**slip, "phone": "+8613055509999", "email": None}) == "asked"
        one, short, other = (
            {**unborn, "full_name": written, "given_name": written[1], "family_name": written[0]}
            for written in ("郑军", "贞军", "白军")
        )
        assert verdict(one, short) == "merged"
        # 强巴 and 边巴, a father and his son, have no family name: one character is all that they share
        assert verdict(one, other) != "merged"
        # of one character many are named so, and a mailbox two may share
        assert verdict(one, {**short, "phone": "+8613055509999"}) != "merged"

    def test_a_given_name_turned_round_is_the_name_on_one_birthday_only(self):
        """A son may be named 偉承 after 承偉, and live in one house with him."""
        named, turned = {**WANG, **WANG_HOME}, {**WANG, **WANG_HOME, "full_name": "王明晓", "given_name": "明晓"}
        assert verdict(named, turned) == "merged"
        assert verdict({**named, "birth_date": None}, {**turned, "birth_date": None}) != "merged"

    @pytest.mark.parametrize(
        ("born", "mailbox", "slip", "merged"),
        [
            (None, "wang@mail.example", "王小明", True),  # one sound
            (None, None, "王小明", False),  # a child has a parent's telephone, and so has its twin
            ("2018-01-05", "wang@mail.example", "王小明", False),
            ("1990-01-05", None, "王明晓", True),
            (None, "wang@mail.example", "王明晓", False),  # turned round: a son may be named so
            ("2018-01-05", None, "王明晓", False),
            (None, "wang@mail.example", "王玉明", False),
        ],
    )
    def test_at_a_telephone_that_nobody_else_uses_a_slip_is_a_slip(self, born, mailbox, slip, merged):
        named = {**WANG, "phone": "+8613055501234", "birth_date": born, "email": mailbox}
        slipped = {**named, "birth_date": None, "email": None, "full_name": slip, "given_name": slip[1:]}
        assert (verdict(named, slipped) == "merged") is merged
        for other in ("李芳", "王芳", "陈静"):  # whoever else is seen there, a household or a stranger
            third = {"phone": "+8613055501234", "full_name": other, "given_name": other[1:], "family_name": other[0]}
            assert resolve(named, slipped, third).merges == [], other

    @pytest.mark.parametrize("slip", ["王晓敏", "王晓", "王明", "Tzu-yi Wang"])
    def test_so_are_more_of_them_on_one_birthday(self, slip):
        """Misheard, a character lost, in other letters; not of two characters one, as twins are named."""
        named = {**WANG, "phone": "+8613055501234"}
        words = {"full_name": slip, "given_name": slip[1:], "family_name": slip[0]}
        if slip.isascii():
            words |= {"given_name": "Tzu-yi", "family_name": "Wang"}
        assert verdict(named, {**named, **words}) == "merged"
        assert verdict(named, {**named, **words, "birth_date": "1990-11-25"}) != "merged"
        assert verdict({**named, "birth_date": "2018-01-05"}, {**named, **words, "birth_date": "2018-01-05"}) == "asked"
        third = {"phone": "+8613055501234", "full_name": "李芳", "given_name": "芳", "family_name": "李"}
        assert resolve(named, {**named, **words}, third).merges == []

    def test_the_family_name_may_stand_first_or_last(self):
        one, other = (
            {
                **WANG_HOME,
                "full_name": name,
                "given_name": name.rsplit(" ", 1)[0],
                "family_name": name.rsplit(" ", 1)[1],
            }
            for name in ("Ho Sau Sze Cherry", "Cherry Sau Sze Ho")
        )
        assert verdict(one, other) == "merged"

    def test_a_birthday_by_the_moon_is_the_same_birthday(self):
        by_the_sun, by_the_moon, other = (
            {**WANG, "phone": "+8613055501234", "birth_date": day} for day in ("1970-01-06", "1969-11-29", "1969-11-08")
        )
        assert verdict(by_the_sun, by_the_moon) == "merged"
        assert verdict(by_the_sun, other) != "merged"

    def test_a_valid_number_says_the_birth_date_better_than_a_form(self):
        for number, day in (("310101199001050014", "19900105"), ("310101199001050015", "19900101")):
            told = {**WANG, "record": "1", "national_id": number, "birth_date": "1990-01-01"}
            features = prepare(pa.table({name: [text] for name, text in told.items()}))
            assert features.table["birth"].to_pylist() == [day]

    @pytest.mark.parametrize("written", ["晓明王", "Wang Xiaoming", "wangxiaoming", "XIAOMING WANG"])
    def test_a_name_turned_or_spelt_out_is_the_name(self, written: str):
        named = {"full_name": written, "given_name": None, "family_name": None}
        assert verdict({**WANG, **WANG_HOME}, {**WANG, **WANG_HOME, **named}) == "merged"

    def test_what_is_spelt_as_two_at_one_telephone_are_joins_neither(self):
        """冠承 and 冠成, twins, both are Kwun Shing."""
        latin, one, other = (
            {"full_name": name, "phone": "+85255239888"} for name in ("Lee Kwun Shing", "李冠承", "李冠成")
        )
        assert resolve(latin, one).merges == [["0", "1"]]
        assert resolve(latin, one, other).merges == []
        assert len(resolve(latin, one, other).proposals) >= 2

    @pytest.mark.parametrize("called", ["王先生", "老王", "王总"])
    def test_a_family_name_at_one_telephone_is_asked_about(self, called: str):
        named = {"full_name": called, "given_name": None, "birth_date": None}
        assert verdict({**WANG, **WANG_HOME}, {**WANG, **WANG_HOME, **named}) == "asked"
        assert verdict({**WANG_HOME, **named}, {**WANG_HOME, **named, "full_name": "王女士"}) == "asked"

    @pytest.mark.parametrize("given", ["晓军", "晓鹏", "建国", "晓敏"])
    def test_siblings_of_one_generation_never_merge(self, given):
        known = {**WANG, **WANG_HOME, "birth_date": "2018-01-05" if given == "晓敏" else "1990-01-05"}
        sibling = {"full_name": "王" + given, "given_name": given}
        assert verdict(known, {**known, **sibling}) != "merged"
        assert verdict({**WANG, **WANG_HOME}, {**WANG, **WANG_HOME, **sibling, "birth_date": None}) != "merged"

    def test_characters_are_counted_not_bytes(self):
        table = pa.table({"record": ["1", "2"], "full_name": ["王晓明", "王晓鹏"]})
        [row] = duckdb.from_arrow(prepare(table).table).query(
            "f", "SELECT (l.name[3] <> r.name[3]) AND l.name[1:2] = r.name[1:2] FROM f l JOIN f r ON l.id = 0 AND r.id = 1"
        ).fetchall()  # fmt: skip
        assert row == (True,)

    def test_surnames_are_read_as_surnames(self):
        assert [spell_surname(name) for name in "单仇查解曾"] == ["shan", "qiu", "zha", "xie", "zeng"]
        assert spell("吕 жук 김") == "lv zheuka gim"


class TestOrganisations:
    def test_legal_form_is_not_the_name(self):
        one = {"legal_name": "Harbour Lights Pty Ltd", "phone": "+61255501234", "postal_code": "4132"}
        assert verdict(one, {**one, "legal_name": "HARBOUR LIGHTS"}, "organisation") == "merged"

    def test_two_registration_numbers_are_two_organisations(self):
        one = {"legal_name": "明月有限公司", "phone": "+862155501234", "registration_number": "91310000MA1K35KL1X"}
        other = {**one, "registration_number": "91310000MA1K39XY7P"}
        assert verdict(one, other, "organisation") != "merged"

    def test_of_two_with_a_valid_number_each_nobody_is_asked(self):
        one = {"legal_name": "明月有限公司", "phone": "059158880000", "registration_number": "91310000KEHU0038XJ"}
        assert verdict(one, {**one, "registration_number": "91310000KEHU00451E"}, "organisation") == "apart"
        assert verdict(one, {**one, "registration_number": "91310000KEHU00451F"}, "organisation") == "asked"

    def test_a_slip_in_a_registration_number_is_no_other_number(self):
        one = {"legal_name": "明月有限公司", "phone": "059158880000", "registration_number": "91350100M000100Y43"}
        again = {**one, "phone": "+8659158880000"}
        assert verdict(one, {**again, "registration_number": "91350100M000100Y48"}, "organisation") == "merged"
        assert verdict(one, {**again, "registration_number": "91350100M0001013XR"}, "organisation") != "merged"
        # two that cannot be checked may be two
        assert (
            verdict(
                {**one, "registration_number": "HRB 1234"}, {**again, "registration_number": "HRB 1235"}, "organisation"
            )
            != "merged"
        )

    def test_same_number_and_name_merge(self):
        one = {"legal_name": "明月股份有限公司", "registration_number": "91310000MA1K35KL1X"}
        assert verdict(one, {**one, "legal_name": "明月有限公司"}, "organisation") == "merged"

    @pytest.mark.parametrize(("written", "again"), [
        ("大和商事(株)", "株式会社大和商事"), ("㈱大和商事", "大和商事"), ("协和(武汉)制作所有限公司", "武漢協和製作所"),
        ("Orion L.L.C.", "Orion LLC"), ("Sportverein Ulm 1846 e.V.", "Sportverein Ulm 1846"), ("Harbour Lights Leeds Branch", "Harbour Lights Ltd, Leeds branch office"),
    ])  # fmt: skip
    def test_form_and_place_may_stand_anywhere(self, written, again):
        one = {"legal_name": written, "phone": "+862155501234"}
        assert verdict(one, {**one, "legal_name": again}, "organisation") == "merged"

    @pytest.mark.parametrize(("office", "other"), [
        ("明月有限公司", "明月有限公司厦门分公司"), ("明月厦门分公司", "明月有限公司(济南)分公司"),
        ("北京华诚天化工集团有限公司厦门分公司", "北京华诚天化工集团有限公司济南分公司"), ("宁波智瑞餐饮管理股份有限公司", "宁波智瑞餐饮管理股份有限公司拉萨分公司"),
        ("Harbour Lights", "Harbour Lights Leeds Branch"), ("Harbour Lights and Sons Leeds Branch", "Harbour Lights and Sons Hull Branch"),
    ])  # fmt: skip
    def test_a_branch_is_asked_about(self, office, other):
        one = {"legal_name": office, "phone": "+862155501234", "email": "info@mail.example"}
        assert verdict(one, {**one, "legal_name": other}, "organisation") == "asked"

    @pytest.mark.parametrize(("first", "second"), [
        ("Sunrise Property Fund I Ltd", "Sunrise Property Fund II Ltd"), ("Sunrise Property 1 Ltd", "Sunrise Property 2 Ltd"),
        ("北京朝阳物业一号有限公司", "北京朝阳物业二号有限公司"), ("朝陽第一中學", "朝阳第十一中学"), ("Sunrise Property", "Sunrise Property 2"),
        ("Sunrise Fund XIII", "Sunrise Fund XIV"), ("北京朝阳物业壹号", "北京朝阳物业贰号"), ("北京朝阳一中", "北京朝阳二中"),
    ])  # fmt: skip
    def test_the_second_of_a_kind_is_asked_about(self, first, second):
        one = {"legal_name": first, "phone": "+862155501234", "email": "info@mail.example"}
        assert verdict(one, {**one, "legal_name": second}, "organisation") == "asked"
        numbered = {**one, "registration_number": "91310000MA1K35KL1X"}
        assert verdict(numbered, {**numbered, "legal_name": second}, "organisation") == "merged"

    @pytest.mark.parametrize(("one", "other"), [
        ("Harbour Lights GmbH", "Harbour Lights AG"), ("明月有限公司", "明月股份有限公司"), ("大和商事(株)", "大和商事合同会社"),
        ("Harbour Lights Holding GmbH", "Harbour Lights GmbH"), ("Harbour Lights GmbH", "Harbour Lights GmbH & Co. KG"),
        ("Harbour Lights Group", "Harbour Lights Ltd"), ("明月集团有限公司", "明月有限公司"), ("上海华信科技有限公司", "上海华信科技控股有限公司"),
        ("Harbour Lights Holdings, Inc.", "Harbour Lights Group Inc."), ("Holding Harbour Lights GmbH", "Harbour Lights GmbH"),
        ("Group Harbour Lights Ltd", "Harbour Lights Ltd"), ("Harbour Lights Holding Co., Ltd.", "Harbour Lights Co., Ltd."),
        ("Harbour Lights S.A.", "Harbour Lights S.à r.l."), ("Harbour Lights Pty. Ltd.", "Harbour Lights LLC"),
    ])  # fmt: skip
    def test_another_legal_form_is_asked_about(self, one, other):
        first = {"legal_name": one, "phone": "+862155501234", "email": "info@mail.example"}
        assert verdict(first, {**first, "legal_name": other}, "organisation") == "asked"
        numbered = {**first, "registration_number": "91310000MA1K35KL1X"}
        assert verdict(numbered, {**numbered, "legal_name": other}, "organisation") == "merged"

    @pytest.mark.parametrize(("one", "other"), [
        ("Harbour Lights Co., Ltd.", "Harbour Lights Limited"), ("明月有限责任公司", "明月有限公司"), ("Harbour Lights mbH", "Harbour Lights G.m.b.H."),
        ("Harbour Lights Holding", "Harbour Lights Holdings Ltd"), ("Harbour Lights Group", "Harbour Lights"),
        ("明月公司", "明月股份有限公司"), ("明月集团公司", "明月集团股份有限公司"), ("AB Harbour", "AB Harbour Ltd"),
        ("Daiwa Shoji K.K.", "Daiwa Shoji Co., Ltd."), ("Harbour Lights Corporation", "Harbour Lights Company Limited"),
        ("Harbour Lights Pty. Ltd.", "Harbour Lights Ltd"), ("Harbour Lights Pte Ltd", "Harbour Lights Limited"),
        ("Harbour Lights S.à r.l.", "Harbour Lights SARL"), ("Groupon Harbour GmbH", "Groupon Harbour"),
    ])  # fmt: skip
    def test_the_same_form_or_none_is_no_other_form(self, one, other):
        first = {"legal_name": one, "phone": "+862155501234", "email": "info@mail.example"}
        assert verdict(first, {**first, "legal_name": other}, "organisation") == "merged"

    def test_who_states_no_form_does_not_chain_two_that_do(self):
        said = {"phone": "+862155501234", "email": "info@mail.example"}
        names = ("Harbour Lights GmbH", "Harbour Lights", "Harbour Lights AG")
        merges = resolve(*({**said, "legal_name": name} for name in names), kind="organisation").merges
        assert [len(group) for group in merges] == [2]


class TestTable:
    def test_nothing_comes_of_nothing(self):
        empty = pa.table({"record": pa.array([], pa.string()), "full_name": pa.array([], pa.string())})
        assert (link(empty).merges, link(empty).proposals) == ([], [])
        assert resolve({**ALICE, **HOME}).merges == []
        assert link(pa.table({"record": ["1", "2"]})).proposals == []

    @pytest.mark.parametrize("records", [["1", "1"], ["1", None]])
    def test_records_must_be_told_apart(self, records):
        with pytest.raises(ValueError, match="unique"):
            link(pa.table({"record": records, "full_name": ["a", "b"]}))

    def test_order_of_rows_does_not_matter(self):
        rows = [{**ALICE, **HOME, "given_name": given} for given in ("alice", "alcie", "clara", "edmund", "alice")]
        table = pa.Table.from_pylist([{"record": f"r{n}", **row} for n, row in enumerate(rows)])
        shuffled = table.take(random.Random(3).sample(range(len(rows)), len(rows)))
        one, other = link(table), link(shuffled)
        assert (one.merges, one.proposals) == (other.merges, other.proposals)

    def test_model_says_what_it_is(self):
        model = resolve({**ALICE, **HOME}, {**ALICE, **HOME}).model
        assert (model.trained, len(model.digest)) == ((), 16)
        assert "alice" not in str(model.describe())

    def test_progress_is_told(self):
        steps: list[tuple[str, float]] = []
        table = pa.Table.from_pylist([{"record": str(n), **ALICE} for n in range(3)])
        link(table, progress=lambda step, share: steps.append((step, share)))
        assert steps[-1] == ("done", 1.0)
        assert [share for _, share in steps] == sorted(share for _, share in steps)


class TestMemory:
    def test_too_little_memory_fails_without_a_value(self):
        rows = [
            {"record": str(n), "full_name": f"canary{n} {'x' * 200}{n}", "birth_date": "19900101"}
            for n in range(30_000)
        ]
        with pytest.raises(LinkageFailed) as failure:
            link(pa.Table.from_pylist(rows), memory_limit="16MB")
        assert "canary" not in str(failure.value)
        assert failure.value.__cause__ is None

    def test_what_spills_is_encrypted(self, tmp_path: Path):
        plain = duckdb.connect(":memory:")
        plain.execute("SET memory_limit = '60MB'").fetchall()
        plain.execute("SET temp_directory = ?", [str(tmp_path / "plain")]).fetchall()
        assert b"canary-value" in spilled(plain, tmp_path / "plain")
        assert b"canary-value" not in spilled(connect("60MB", tmp_path / "sealed"), tmp_path / "sealed")

    def test_it_reaches_no_file(self, tmp_path: Path):
        with connect("100MB") as connection, pytest.raises(duckdb.PermissionException):
            connection.execute(f"COPY (SELECT 1) TO '{tmp_path / 'leak.csv'}'")


def spilled(connection: duckdb.DuckDBPyConnection, folder: Path) -> bytes:
    """The bytes DuckDB has on disk while a table larger than its memory lives."""
    connection.execute(
        "CREATE TABLE big AS SELECT 'canary-value-' || sha256(i::varchar) || sha256((i + 1)::varchar) AS v FROM range(1500000) t(i)"
    )
    found = b"".join(file.read_bytes() for file in sorted(folder.rglob("*")) if file.is_file())
    connection.close()
    assert found
    return found


def resident_id(place_and_birth: str, serial: int) -> str:
    """A made-up resident number with its check digit (GB 11643)."""
    body = f"{place_and_birth}{serial:03d}"
    weights = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
    return body + "10X98765432"[sum(int(d) * w for d, w in zip(body, weights, strict=True)) % 11]
