"""Groups compared as wholes: what several records know together, and what they never say of a household."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence

import pyarrow as pa
import pytest
from linkage_families import families
from linkage_households import households

from bench.linkage import alone, customers
from kehu.refine.resolve.compare.features import prepare
from kehu.refine.resolve.compare.guards import guards
from kehu.refine.resolve.compare.model import shipped
from kehu.refine.resolve.compare.pooled import Together, together
from kehu.refine.resolve.compare.scoring import frequencies
from kehu.refine.resolve.linkage import link as linking
from kehu.refine.resolve.linkage.cluster import LARGEST_GROUP, Pooled, Weigh, pool
from kehu.refine.resolve.linkage.edges import grouped, weighable_sql
from kehu.refine.resolve.linkage.link import beside_by, connect, link, weigh_by
from kehu.refine.resolve.live import Scorer

NAME = {"full_name": "agnes beaumont", "given_name": "agnes", "family_name": "beaumont"}
BORN = {"birth_date": "1962-03-14"}
LIVES = {"postal_code": "sg18 9ay", "street": "mill lane", "house_number": "4"}
KNOWN = [{**NAME, **BORN, "birth_place": "bedford"}, {**NAME, **LIVES, "birth_place": "bedford", "gender": "female"}]


def said(one: Sequence[dict[str, str]], other: Sequence[dict[str, str]]) -> Together:
    """Two groups of records, among others of whom nothing is asked."""
    rows = [*one, *other]
    names = sorted({name for row in rows for name in row} | {"gender", "birth_date", "occupation"})
    table = pa.table(
        {"record": [f"{n:03d}" for n in range(len(rows))]}
        | {name: pa.array([row.get(name) for row in rows], pa.string()) for name in names}
    )
    features = prepare(table)
    folded = features.table.to_pylist()
    return together(
        folded[: len(one)], folded[len(one) :], shipped(features, "person", prior=1e-4), guards(features, "person")
    )


class TestTogether:
    def test_what_no_record_says_by_itself_the_group_says(self):
        new = {**NAME, **LIVES}
        assert not said(KNOWN[:1], [new]).one
        assert said(KNOWN, [new]).one

    def test_a_twin_is_not_joined_through_a_record_without_a_given_name(self):
        surname = {"full_name": "beaumont", "family_name": "beaumont", **BORN, **LIVES}
        twin = {**NAME, **BORN, **LIVES, "full_name": "mary beaumont", "given_name": "mary", "birth_place": "bedford"}
        assert not said([*KNOWN, surname], [twin, twin]).one

    def test_a_record_without_a_name_is_of_whoever_was_born_that_day_and_lives_there(self):
        bare = {**BORN, **LIVES, "birth_place": "bedford"}
        assert said(KNOWN, [bare]).one and said(KNOWN, [bare]).nameless == 1
        assert not said(KNOWN, [{**LIVES, "birth_place": "bedford"}]).one
        # of one record the pair has said all; that somebody is there who may be meant counts nevertheless
        twin = [{**NAME, **BORN, **LIVES, "full_name": "mary beaumont", "given_name": "mary", "birth_place": "bedford"}]
        assert not said(twin, [bare]).one and said(twin, [bare]).meant
        assert not said(KNOWN, [{**bare, "birth_place": "truro"}]).one

    def test_a_family_name_alone_names_nobody(self):
        bare = {"full_name": "beaumont", "family_name": "beaumont", **BORN, **LIVES}
        assert said(KNOWN, [bare]).nameless == 1 and said([bare], KNOWN).nameless == 0
        assert said(KNOWN, [{**NAME, **LIVES}]).nameless is None and said([bare], [bare, bare]).nameless is None

    def test_of_a_father_and_a_son_of_one_name_each_stays_himself(self):
        son = {**NAME, **LIVES, "birth_date": "1991-08-02"}
        assert not said(KNOWN, [son, {**son, "birth_place": "bedford"}]).one
        assert not said(KNOWN, [{**NAME, **LIVES, "full_name": "agnes beaumont jr"}]).one
        assert not said(KNOWN, [{**NAME, **LIVES, "birth_place": "truro"}]).one

    def test_a_namesake_of_the_other_gender_is_another(self):
        leslie = {"full_name": "leslie beaumont", "given_name": "leslie"}
        known = [{**one, **leslie} for one in KNOWN]
        assert said(known, [{**NAME, **LIVES, **leslie, "gender": "female"}]).one
        assert not said(known, [{**NAME, **LIVES, **leslie, "gender": "male"}]).one

    def test_a_gender_that_nobody_of_the_name_has_is_a_slip(self):
        assert said(KNOWN, [{**NAME, **LIVES, "gender": "male"}]).one

    def test_twins_of_names_spelt_alike_are_told_by_the_gender(self):
        wystan, wystann = ({"full_name": f"{given} beaumont", "given_name": given} for given in ("wystan", "wystann"))
        known, twin = [{**one, **wystan} for one in KNOWN], {**NAME, **BORN, **LIVES, **wystann}
        assert said(known, [{**twin, "gender": "female"}]).one
        assert not said(known, [{**twin, "gender": "male"}]).one

    def test_a_womans_name_and_a_mans_are_no_slip_of_one(self):
        ours = {**LIVES, "family_name": "beaumont", "birth_place": "bedford"}
        mary, mark, marg = (
            {**ours, "full_name": f"{given} beaumont", "given_name": given} for given in ("mary", "mark", "marg")
        )
        assert not said([{**mary, **BORN}, mary], [mark]).one
        assert said([{**mary, **BORN}, mary], [{**marg, "given_name": "marj", "full_name": "marj beaumont"}]).one

    def test_a_mistyped_name_says_the_gender_all_the_same(self):
        slip = {**NAME, **BORN, **LIVES, "full_name": "agnrs beaumont", "given_name": "agnrs", "gender": "male"}
        assert said(KNOWN, [slip]).one

    def test_two_given_names_without_the_family_name_are_hers(self):
        known = [{**one, "full_name": "agnes clara beaumont", "middle_name": "clara"} for one in KNOWN]
        told = {"full_name": "agnes clara", "given_name": "agnes", "family_name": "clara", **LIVES}
        assert said(known, [told]).one
        assert not said(known, [{**told, "full_name": "agnes maud", "family_name": "maud"}]).one

    def test_one_given_name_at_home_is_hers_where_nothing_says_otherwise(self):
        home = Counter({"pairs": 2, "names": 2, "one's given": 2, "lone given": 2, "home": 2})
        assert Together(9.0, home).one
        assert not Together(9.0, home | Counter({"births": 1})).one
        assert not Together(9.0, home | Counter({"facts": 1})).one
        assert not Together(9.0, home | Counter({"street alone": 2})).one  # a street is no house

    def test_of_a_name_that_both_bear_another_gender_is_another_person(self):
        """A brother and a sister of one mailbox; of a name in Latin letters that men alone bear it is a slip."""
        for written, slip in (("杨艳宇", False), ("arnulph mallock", True), ("leslie mallock", False)):
            given, family = written.split() if " " in written else (written[1:], written[0])
            name = {"full_name": written, "given_name": given, "family_name": family, "birth_place": "bedford", **LIVES}
            known = [{**name, **BORN, "gender": "female"}, {**name, "gender": "female", "email": "ours@mail.example"}]
            assert said(known, [{**name, "gender": "male", "email": "ours@mail.example"}]).one is slip, written

    def test_namesakes_of_one_telephone_born_within_months_are_one(self):
        """A birthday by the moon that is a day off; the next child of one mother comes later, and has another name."""
        name = {"full_name": "冯强", "given_name": "强", "family_name": "冯", "phone": "+8613812345678"}
        known = [{**name, "birth_date": "1978-03-08"}, name]
        assert said(known, [{**name, "birth_date": "1978-01-29"}]).one
        assert not said(known, [{**name, "birth_date": "1979-01-29"}]).one
        assert not said(known, [{**name, "birth_date": "1978-01-29", "phone": "+8613899999999"}]).one

    def test_what_is_spelt_out_is_of_whoever_was_born_that_day(self):
        """Twins may be spelt alike, so it joins where there is one; and a telephone of their own says that they are two."""
        han = {
            "full_name": "张磊",
            "given_name": "磊",
            "family_name": "张",
            "birth_date": "1989-05-26",
            "phone": "+8613812345678",
        }
        latin = {"full_name": "Lei Zhang", "given_name": "Lei", "family_name": "Zhang", "birth_date": "1989-05-26"}
        assert said([han], [latin]).one and said([han], [latin]).nameless == 1
        assert said([latin], [han, han]).nameless == 0
        assert not said([han], [{**latin, "phone": "+8613899999999"}]).one
        assert not said([han], [{**latin, "birth_date": "1989-05-27"}]).one
        assert not said([han], [{**han, "full_name": "张波", "given_name": "波"}]).one

    def test_what_is_spelt_out_may_have_its_birthday_by_the_moon(self):
        """And a day off. At home alone it is asked about: twins live there."""
        han = {"full_name": "周宏强", "given_name": "宏强", "family_name": "周", "phone": "+886989100374"}
        latin = {"full_name": "Hung-chiang Chou", "given_name": "Hung-chiang", "family_name": "Chou"}
        known = {**han, "birth_date": "1959-07-12"}
        assert said([known], [{**latin, "phone": han["phone"], "birth_date": "1959-06-07"}]).one
        assert not said([known], [{**latin, "phone": han["phone"], "birth_date": "1961-06-07"}]).one
        flat, other = {"address": "宁波海曙区黄河路339号 3-1-1003"}, {"phone": "+886986423043"}
        assert not said([{**han, **flat}], [{**latin, **other, **flat}]).one

    def test_a_name_in_other_letters_that_nobody_can_read_is_told_by_birth_date_and_telephone(self):
        han = {
            "full_name": "黃宏志",
            "given_name": "宏志",
            "family_name": "黃",
            "birth_date": "1975-06-22",
            "phone": "+85291255821",
        }
        latin = {**han, "full_name": "Andy Wong", "given_name": "Andy", "family_name": "Wong"}
        assert said([han, han], [latin]).one
        assert not said([han, han], [{**latin, "phone": "+85290808378"}]).one
        young = [{**one, "birth_date": "2018-06-22"} for one in (han, han, latin)]
        assert not said(young[:2], young[2:]).one

    def test_what_explains_a_slip_one_record_knows_for_all(self):
        """That she is grown up one says, and her telephone another: pair by pair neither says both."""
        name = {"full_name": "唐兰金", "given_name": "兰金", "family_name": "唐"}
        phone, slip = {"phone": "+8618233888816"}, {"full_name": "唐澜金", "given_name": "澜金"}
        grown = [{**name, **phone, "birth_date": "1978-11-28"}, {**name, **phone}]
        assert said(grown, [{**name, **phone, **slip}]).one
        assert not said([{**one, "birth_date": "2018-11-28"} for one in grown], [{**name, **phone, **slip}]).one
        assert not said(grown, [{**name, **phone, "full_name": "唐玉金", "given_name": "玉金"}]).one

    @pytest.mark.parametrize(
        ("slip", "born", "mailbox", "one"),
        [
            ("唐澜金", "1978-11-28", None, True),  # one sound
            ("唐澜金", None, "tang@mail.example", True),
            ("唐澜金", None, None, False),  # it may be a child's
            ("唐澜金", "2018-11-28", "tang@mail.example", False),
            ("唐金兰", "1978-11-28", None, True),  # turned round
            ("唐金兰", None, "tang@mail.example", False),
            ("唐玉金", "1978-11-28", "tang@mail.example", False),
        ],
    )
    def test_at_a_line_of_ones_own_a_slip_is_a_slip(self, slip, born, mailbox, one):
        """The slip by itself is at the telephone; what tells that nobody is a child stands in another record."""
        name = {"full_name": "唐兰金", "given_name": "兰金", "family_name": "唐"}
        at = {"phone": "+8618233888816"}
        other = {"full_name": slip, "given_name": slip[1:], "family_name": "唐", **at}
        known = [{**name, **at}, {**name, **{k: v for k, v in (("birth_date", born), ("email", mailbox)) if v}}]
        found = said(known, [other])
        assert found.one is one
        assert not one or (slip == "唐澜金" and born) or found.own_line

    def test_a_spelling_that_fits_both_makes_no_one_of_two_writings(self):
        """Tang Lanjin is either; the characters say two, and of a child nothing says that one is a slip."""
        phone = {"phone": "+8618233888816", "birth_date": "2018-11-28"}
        one, other = (
            {"family_name": "唐", **phone, "full_name": f"唐{given}", "given_name": given} for given in ("兰金", "澜金")
        )
        latin = {**phone, "full_name": "Tang Lanjin", "given_name": "Lanjin", "family_name": "Tang"}
        assert said([one, latin], [one]).one
        assert not said([one, latin], [other]).one

    def test_of_two_writings_that_one_already_has_none_is_another_person(self):
        name = {"family_name": "孙", "phone": "+8617685713420", "email": "wshan@sina.example"}
        both = [{**name, "full_name": f"孙{given}", "given_name": given, **BORN} for given in ("利", "丽")]
        again = {**name, "full_name": "孙丽", "given_name": "丽"}
        del again["phone"]
        assert said(both, [again]).one

    def test_two_numbers_are_two_people(self):
        one, other = ({"national_id": number} for number in ("11010119620314002X", "440304198711304512"))
        assert not said([*KNOWN, {**NAME, **one}], [{**NAME, **LIVES, **BORN, **other}]).one

    def test_birth_dates_that_differ_in_most_pairs_outvote_one_that_was_mistyped(self):
        was, wrong = ({**NAME, **LIVES, "birth_date": day} for day in ("1952-11-03", "1962-03-14"))
        assert said(KNOWN, [wrong]).one
        assert not said(KNOWN, [was, was, wrong]).one

    def test_a_family_name_that_never_agrees_needs_more(self):
        married = {**BORN, "full_name": "agnes carter", "given_name": "agnes", "family_name": "carter"}
        assert not said(KNOWN, [married, married]).one
        assert said(KNOWN, [{**married, **LIVES, "birth_place": "bedford"}, {**married, "phone": "+441234567890"}]).one


@pytest.mark.parametrize("made", [families(60, seed=4).table, households(40, seed=4).table], ids=["chinese", "english"])
def test_one_group_at_a_time_says_what_all_say_at_once(made: pa.Table):
    """DuckDB over tables, and Python over rows: the same weight, and the same count of each question."""
    features = prepare(made)
    model, held = shipped(features, "person", prior=1e-4), guards(features, "person")
    rows, of = features.table.to_pylist(), frequencies(features, model)
    pairs = [
        (list(range(at, at + few)), list(range(at + few, at + 2 * few)))
        for few in (1, 3)
        for at in range(len(rows) - 6)
    ]
    with connect("1GB") as connection:
        connection.register("feature", features.table)
        connection.execute(f"CREATE TABLE weighable AS {weighable_sql(model)}")
        found = weigh_by(connection, model, held)(pairs)
    alike = [
        together([rows[n] for n in one], [rows[n] for n in two], model, held, frequencies=of) for one, two in pairs
    ]
    assert [one.pairs for one in found] == [one.pairs for one in alike]
    assert [one.weight for one in found] == pytest.approx([one.weight for one in alike])
    assert any(one.one for one in found)


def test_who_else_uses_a_line_is_told_alike():
    """By DuckDB over a table, and by Python over rows; whoever it is, and however little else agrees."""
    features = prepare(families(60, seed=4).table)
    rows = features.table.to_pylist()
    with connect("1GB") as connection:
        connection.register("feature", features.table)
        found = beside_by(connection, {"phone", "email"})(range(len(rows)))
    alike = Scorer("person", None).pooled(dict(enumerate(rows)))
    assert alike
    mine = alike.beside(range(len(rows)))
    assert {one: set(others) for one, others in found.items()} == {one: set(of) for one, of in mine.items() if of}
    assert any(differ(rows[one]["last"], rows[other]["last"]) for one, others in found.items() for other in others)
    assert beside_by(connect("1GB"), ())([1]) == {}


def differ(one: str | None, other: str | None) -> bool:
    return None not in (one, other) and one != other


def test_of_what_groups_join_nearly_all_is_right(monkeypatch):
    """Households of many poor records: recall grows, and of thirty joinings one or two are wrong."""
    made = households(450, seed=1)
    whole = link(made.table)
    # what comes of pairs alone, to compare with
    monkeypatch.setattr(linking, "grouped", lambda found, kept_apart, _pooled: grouped(found, kept_apart))
    pairs = link(made.table)
    before = customers(made.truth, pairs.merges)
    parts = [{before[record] for record in group} for group in whole.merges]
    joined = [group for group, of in zip(whole.merges, parts, strict=True) if len(of) > 1]
    pure = defaultdict(set)
    for record, customer in before.items():
        pure[customer].add(made.truth[record])
    wrong = [
        group
        for group in joined
        if len({made.truth[record] for record in group}) > 1 and all(len(pure[before[record]]) == 1 for record in group)
    ]
    assert len(joined) > 15 and len(wrong) <= 1
    assert alone(made, whole).recall > alone(made, pairs).recall + 0.005
    assert alone(made, whole).b3 > alone(made, pairs).b3


def same(weight: float) -> Together:
    """Two groups of one name and occupation."""
    return Together(weight, Counter({"pairs": 2, "two words": 1, "families": 1, "given": 1, "fact": 1}))


def nameless(of: int) -> Together:
    """One of them, the first or the second, is known by the family name and the birth date alone."""
    given = ("one's given", "other's given")[1 - of]
    return Together(20.0, Counter({"names": 1, given: 1, "lone family": 1, "births": 1, "birth": 1, "home": 1}))


def asked_by(weigh: Weigh, *lines: Sequence[int]) -> Pooled:
    """By what is said of them, and which records use one telephone."""

    def beside(records):
        return {one: [other for line in lines if one in line for other in line if other != one] for one in records}

    return Pooled(weigh, beside)


def at_own_line(weight: float = 20.0) -> Together:
    """One sound, other characters, somebody grown up."""
    questions = ("two words", "families", "other characters", "one sound", "grown", "contact")
    return Together(weight, Counter({"pairs": 1, **dict.fromkeys(questions, 1)}))


def other_person() -> Together:
    """Of two given names."""
    return Together(20.0, Counter({"two words": 1, "families": 1}))


class TestPool:
    def test_a_group_grows_by_the_heaviest_first_and_is_asked_again(self):
        asked: list[list[tuple[list[int], list[int]]]] = []

        def weigh(groups):
            asked.append([(sorted(one), sorted(other)) for one, other in groups])
            return [same(9.0 if 2 in one + other else 7.0) for one, other in asked[-1]]

        assert pool([[0, 1]], [(0, 2, 1.0), (1, 3, 1.0)], asked_by(weigh)) == [[0, 1, 2, 3]]
        assert asked == [[([0, 1], [2]), ([0, 1], [3])], [([0, 1, 2], [3])]]

    def test_one_without_a_given_name_who_may_be_either_of_two_joins_neither(self):
        twins, edges = [[0, 1], [2, 3]], [(0, 4, 1.0), (2, 4, 1.0)]

        def weigh(groups):
            return [nameless(1) if 4 in other else other_person() for _, other in groups]

        assert pool(twins, edges, asked_by(weigh)) == twins
        assert pool(twins, edges[:1], asked_by(weigh)) == [[0, 1, 4], [2, 3]]

    def test_once_the_two_are_one_nobody_else_is_meant(self):
        def weigh(groups):
            return [nameless(1) if 4 in other else same(9.0) for _, other in groups]

        assert pool([[0, 1], [2, 3]], [(0, 4, 1.0), (2, 4, 1.0), (1, 3, 1.0)], asked_by(weigh)) == [[0, 1, 2, 3, 4]]

    def test_who_grows_meanwhile_is_not_forgotten(self):
        """The one of two whom a third record joins is asked anew; the other one is still there."""

        def weigh(groups):
            return [nameless(1) if 4 in other else same(9.0) if 5 in other else other_person() for _, other in groups]

        edges = [(0, 4, 1.0), (2, 4, 1.0), (2, 5, 1.0)]
        assert pool([[0, 1], [2, 3]], edges, asked_by(weigh)) == [[0, 1], [2, 3, 5]]

    def test_one_record_each_says_nothing_new_but_that_nobody_else_is_meant(self):
        """A pair has been asked already; not whether another may be spelt so."""
        alone = Counter({"pairs": 1, "names": 1, "two words": 1, "families": 1, "given": 1, "fact": 1})
        spelt = Counter(
            {"pairs": 1, "names": 1, "two words": 1, "spelt": 1, "births": 1, "birth": 1, "other's letters": 1}
        )
        assert pool([], [(0, 1, 1.0)], asked_by(lambda _: [Together(20.0, alone)])) == []
        assert pool([], [(0, 1, 1.0)], asked_by(lambda _: [Together(20.0, spelt)])) == [[0, 1]]
        assert (
            pool([], [(0, 2, 1.0), (1, 2, 1.0)], asked_by(lambda groups: [Together(20.0, spelt) for _ in groups])) == []
        )

    def test_what_only_a_line_of_their_own_says_is_not_said_where_somebody_else_is_seen(self):
        def weigh(groups):
            return [same(9.0) if 3 in other else at_own_line() for _, other in groups]

        edges = [(0, 2, 1.0)]
        assert pool([[0, 1]], edges, asked_by(weigh, [0, 1, 2])) == [[0, 1, 2]]
        assert pool([[0, 1]], edges, asked_by(weigh, [0, 1, 2, 5])) == [[0, 1]]
        assert pool([[0, 1]], edges, asked_by(weigh, [0, 1, 2], [0, 5], [2, 6])) == [[0, 1, 2]]  # elsewhere
        # who was seen is one of them
        assert pool([[0, 1]], [*edges, (1, 3, 1.0)], asked_by(weigh, [0, 1, 2, 3])) == [[0, 1, 2, 3]]

    def test_nobody_asks_who_else_is_seen_where_it_does_not_matter(self):
        weigh = lambda groups: [same(9.0) for _ in groups]
        assert pool([[0, 1]], [(0, 2, 1.0)], Pooled(weigh, lambda _: pytest.fail("asked"))) == [[0, 1, 2]]

    def test_no_group_grows_past_a_sane_size(self):
        large = list(range(LARGEST_GROUP))
        assert pool([large], [(0, 99, 1.0)], asked_by(lambda _: pytest.fail("asked"))) == [large]

    def test_groups_elsewhere_change_nothing(self):
        here, there = [[0, 1], [2, 3, 4]], [[10, 11], [12, 13]]
        edges = [(0, 2, 1.0), (4, 5, 1.0)]

        def weigh(groups):
            return [other_person() if 5 in [*one, *other] else same(min(*one, *other) + 5) for one, other in groups]

        alone_here = pool(here, edges, asked_by(weigh))
        both = pool([*here, *there], [*edges, (10, 12, 1.0)], asked_by(weigh))
        assert [group for group in both if group[0] < 10] == alone_here == [[0, 1, 2, 3, 4]]
