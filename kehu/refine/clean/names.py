"""Names of people in Chinese, Japanese, Korean and Latin script: normalised, split, put together.

What came is never overwritten: parts are derived only where absent. Han names are split by a table of compound
surnames, Latin ones by their last word with its particles; what is not sure stays whole.
"""

from __future__ import annotations

from typing import Final

import polars as pl

from kehu.refine.clean.surnames import COMPOUND, PINYIN, VIETNAMESE

_HAN: Final = r"^\p{Han}{2,5}$"
_COMPOUND_PATTERN: Final = f"^({'|'.join(COMPOUND)})\\p{{Han}}"
_TITLE_HAN: Final = (
    r"(?:先生|女士|小姐|太太|老师|老師|同志|经理|經理|阿姨|叔叔|博士|教授|夫人|主任|医生|醫生|师傅|師傅)$"
)
_FAMILIAR: Final = r"^(?:[老小](\p{Han})|(\p{Han})[总總])$"  # 老王, 小王, 王总: a family name and no more
_TITLE_LATIN: Final = r"(?i)^(?:mr|mrs|ms|miss|mx|dr|prof|herr|frau|monsieur|madame|mme|sir)\.?\s+"
_DEGREE: Final = r"(?i),?\s+(?:phd|md|esq)\.?$"
_GENERATION: Final = r"(?i),?\s+(jr|sr|ii|iii|iv)\.?$"  # it alone tells a son from his father
_PARTICLE: Final = (
    r"(?:van|von|vom|zu|de|del|della|dello|der|den|da|di|do|dos|das|du|la|le|ten|ter|bin|ibn|al|el|st\.?|san)"
)
_FAMILY_LAST: Final = rf"(?i)((?:\s{_PARTICLE})*\s\S+)$"
_HAN_FIRST: Final = frozenset({"CN", "TW", "HK", "MO", "SG", "MY"})
_HANGUL_COMPOUND: Final = "남궁|황보|제갈|사공|선우|독고|서문"


def normal_names(values: pl.Series) -> pl.Series:
    """Names in one way of writing: Han without inner spaces, `Family, Given` turned, titles off, one middle dot.

    `values` are already `normal_text`. Idempotent.
    """
    normal = _of_one_width(values)
    while normal.str.contains(_TITLE_LATIN).any():
        normal = normal.str.replace(_TITLE_LATIN, "")
    parted = normal.str.contains(",", literal=True).fill_null(False)
    if parted.any():
        normal = _turned(normal).zip_with(parted, normal)
    return normal.set((normal == "").fill_null(False), None)


def normal_legal_names(values: pl.Series) -> pl.Series:
    """Names of organisations: as those of people, but whole and in their order, for a comma stands before the legal form."""
    normal = _of_one_width(values)
    if normal.str.contains(",", literal=True).any():
        normal = normal.str.replace_all(r"\s*,[\s,]*", " ").str.strip_chars()
    return normal.set((normal == "").fill_null(False), None)


def _of_one_width(values: pl.Series) -> pl.Series:
    """With one middle dot, and Han without inner spaces."""
    if not values.str.contains(r"[^\x00-\x7f]").any():
        return values
    normal = values.str.replace_all(r"[•・‧∙⋅·･]", "·")
    spaced = normal.str.contains(r"^[\p{Han}\s]+$").fill_null(False) & ~_japanese_width(normal)
    return normal.str.replace_all(" ", "", literal=True).zip_with(spaced, normal) if spaced.any() else normal


def _turned(names: pl.Series) -> pl.Series:
    """Names written with a comma, the given name first: `Smith, John Jr.` and `John Smith, Jr.` are John Smith Jr."""
    while names.str.contains(_DEGREE).any():
        names = names.str.replace(_DEGREE, "")
    generation = names.str.extract(_GENERATION)
    names = names.str.replace(_GENERATION, "")
    one = names.str.contains(r"^[^,]*[^,\s]\s?,\s?[^,\s][^,]*$").fill_null(False)
    names = names.str.replace(r"^([^,]*[^,\s])\s?,\s?([^,]*)$", "$2 $1").zip_with(one, names)
    names = names.str.replace_all(r"\s*,[\s,]*", " ").str.strip_chars()
    return (names + " " + generation).str.strip_chars().zip_with(generation.is_not_null(), names)


def _japanese_width(values: pl.Series) -> pl.Series:
    """Two Han words of two or more characters each (山田 太郎): the space says where the surname ends."""
    return values.str.contains(r"^\p{Han}{2,3} \p{Han}{2,3}$").fill_null(False) & ~values.str.contains(
        f"^(?:{'|'.join(COMPOUND)}) "
    ).fill_null(False)


def split_names(full: pl.Series, countries: pl.Series) -> tuple[pl.Series, pl.Series]:
    """Family and given name of normalised full names; both null where the split is not sure."""
    frame = pl.DataFrame({"f": full.str.replace(_GENERATION, ""), "c": countries})
    name, country = pl.col("f"), pl.col("c")
    han = name.str.contains(_HAN) & (country.is_null() | (country != "JP"))
    bare = name.str.replace(_TITLE_HAN, "").str.replace(_FAMILIAR, "${1}${2}")
    compound = bare.str.extract(_COMPOUND_PATTERN)
    han_family = pl.coalesce(compound, bare.str.slice(0, 1))
    han_given = bare.str.strip_prefix(han_family)
    hangul = name.str.contains(r"^\p{Hangul}{2,5}$")
    hangul_family = name.str.extract(f"^({_HANGUL_COMPOUND}|.)")
    spaced = name.str.contains(r"^[\p{Han}\p{Hiragana}\p{Katakana}ー々]+ [\p{Han}\p{Hiragana}\p{Katakana}ー々]+$")
    words = name.str.contains(r"^\p{Latin}") & name.str.contains(" ", literal=True)
    caps = name.str.contains(r"^\p{Lu}{2,} .*\p{Ll}")
    first = name.str.extract(r"^(\S+)\s")
    low = first.str.to_lowercase()
    known = country.is_in(list(_HAN_FIRST)) & low.is_in(list(PINYIN))
    known |= (country == "VN") & low.is_in(list(VIETNAMESE))
    family_first = words & (caps | known)
    last = name.str.extract(_FAMILY_LAST).str.strip_chars()
    cut = frame.select(
        family=pl.when(han)
        .then(han_family)
        .when(hangul)
        .then(hangul_family)
        .when(spaced | family_first)
        .then(first)
        .when(words)
        .then(last),
        given=pl.when(han)
        .then(han_given)
        .when(hangul)
        .then(name.str.strip_prefix(hangul_family))
        .when(spaced | family_first)
        .then(name.str.strip_prefix(first).str.strip_chars())
        .when(words)
        .then(name.str.strip_suffix(last).str.strip_chars()),
    )
    family, given = cut["family"], cut["given"]
    return family.set((family == "").fill_null(False), None), given.set((given == "").fill_null(False), None)


def join_names(family: pl.Series, given: pl.Series, middle: pl.Series | None = None) -> pl.Series:
    """A full name from its parts: Han, kana and Hangul family first without a space, others given first."""
    east = (family.fill_null("") + given.fill_null("")).str.contains(r"[\p{Han}\p{Hangul}\p{Hiragana}\p{Katakana}]")
    frame = pl.DataFrame(
        {
            "f": family,
            "g": given,
            "m": middle if middle is not None else pl.Series([None] * len(family), dtype=pl.String),
        }
    )
    western = frame.select(pl.concat_str("g", "m", "f", separator=" ", ignore_nulls=True)).to_series()
    eastern = frame.select(pl.concat_str("f", "g", ignore_nulls=True)).to_series()
    whole = eastern.zip_with(east, western)
    return whole.set((whole == "") | (family.is_null() & given.is_null()), None).alias("full")
