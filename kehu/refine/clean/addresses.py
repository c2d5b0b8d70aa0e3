"""Chinese addresses into parts, as far as is sure. Only what the text itself names becomes a part."""

from __future__ import annotations

from typing import Final

import polars as pl

_MUNICIPALITIES: Final = "北京|天津|上海|重庆|重慶"
_PROVINCES: Final = (
    "河北|山西|辽宁|遼寧|吉林|黑龙江|黑龍江|江苏|江蘇|浙江|安徽|福建|江西|山东|山東|河南|湖北"
    "|湖南|广东|廣東|海南|四川|贵州|貴州|云南|雲南|陕西|陝西|甘肃|甘肅|青海|台湾|臺灣|台灣"
)
_REGIONS: Final = (
    "内蒙古自治区|內蒙古自治區|广西壮族自治区|廣西壯族自治區|西藏自治区|西藏自治區|宁夏回族自治区"
    "|寧夏回族自治區|新疆维吾尔自治区|新疆維吾爾自治區|内蒙古|广西|西藏|宁夏|新疆"
    "|香港特别行政区|香港特別行政區|澳门特别行政区|澳門特別行政區"
)
_REGION: Final = rf"^(?:中国|中國|中华人民共和国)?((?:{_MUNICIPALITIES})市?|(?:{_PROVINCES})省?|{_REGIONS})"
# a street named after a province or a city, as most of Shanghai's are (四川北路1688号), says not where it lies
_STREET_OF: Final = rf"^(?:{_MUNICIPALITIES}|{_PROVINCES}|广西|西藏|宁夏|新疆)[东東西南北中]?[一二三四五六七八九]?(?:路|街|大街|大道|道|巷|里|胡同)"
_CITY: Final = r"^(\p{Han}{1,8}?(?:市|自治州|地区|地區|盟))"
_DISTRICT: Final = r"^(\p{Han}{1,6}?(?:区|區|县|縣|旗))"
_STREET: Final = r"([\p{Han}\d]{1,20}?(?:路|街|大道|大街|巷|弄|胡同|道))(\d+(?:-\d+)?[号號])(.*)$"
_PARTS: Final = ("region", "locality", "district", "street", "house_number", "unit")


def address_parts(addresses: pl.Series) -> pl.DataFrame:
    """Columns region, locality, district, street, house_number, unit of Chinese addresses; null where not sure.

    A municipality (北京市) is region and locality both.
    """
    whole = pl.col("a").str.replace_all(" ", "", literal=True)
    region = whole.str.extract(_REGION)
    after = whole.str.replace(_REGION, "").str.replace(r"^[市省]", "")
    municipal = region.str.contains(f"^(?:{_MUNICIPALITIES})")
    city = pl.when(municipal).then(region).otherwise(after.str.extract(_CITY))
    rest = pl.when(municipal).then(after).otherwise(after.str.replace(_CITY, ""))
    district = rest.str.extract(_DISTRICT)
    rest = rest.str.replace(_DISTRICT, "")
    sure = whole.str.contains(r"\p{Han}{2}") & region.is_not_null() & ~whole.str.contains(_STREET_OF)
    parts = rest.str.extract_groups(_STREET)
    frame = pl.DataFrame({"a": addresses}).select(
        pl.when(sure).then(region).alias("region"),
        pl.when(sure).then(city).alias("locality"),
        pl.when(sure).then(district).alias("district"),
        pl.when(sure).then(rest.str.extract(r"^(.*?)\d+(?:-\d+)?[号號]")).alias("street"),
        pl.when(sure).then(parts.struct.field("2")).alias("house_number"),
        pl.when(sure).then(parts.struct.field("3")).alias("unit"),
    )
    filled = (pl.when(pl.col(name).str.len_bytes() > 0).then(pl.col(name)).alias(name) for name in _PARTS)
    return frame.with_columns(filled)
