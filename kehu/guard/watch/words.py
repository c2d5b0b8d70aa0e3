"""An alert in words, in each language: counts, times and what is usual, never whom a customer is."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from kehu.guard.watch.alerts import Alert

Words = Mapping[str, str]

KIND_WORDS: Final[dict[str, Words]] = {
    "volume": {"en": "more customers than usual", "zh-hans": "查看客户数异常偏多", "zh-hant": "檢視客戶數異常偏多"},
    "off-hours": {"en": "off hours", "zh-hans": "非工作时间使用", "zh-hant": "非工作時間使用"},
    "breadth": {"en": "many customers from all over", "zh-hans": "查看范围异常分散", "zh-hant": "檢視範圍異常分散"},
    "denials": {"en": "refused again and again", "zh-hans": "反复被拒绝", "zh-hant": "反覆被拒絕"},
    "colleague": {"en": "a colleague looked up", "zh-hans": "查看同事资料", "zh-hant": "檢視同事資料"},
    "vip": {"en": "a well-known customer", "zh-hans": "查看重点客户", "zh-hant": "檢視重點客戶"},
    "sequential": {"en": "customers one after another", "zh-hans": "按顺序逐个查看", "zh-hant": "按順序逐個檢視"},
    "honey": {"en": "a record made to be found", "zh-hans": "触及诱饵记录", "zh-hant": "觸及誘餌記錄"},
    "quota": {"en": "a quota spent", "zh-hans": "用量达到限额", "zh-hant": "用量達到限額"},
    "break-glass": {"en": "the glass was broken", "zh-hans": "启用紧急访问", "zh-hant": "啟用緊急存取"},
    "self": {"en": "oneself looked up", "zh-hans": "查看本人资料", "zh-hant": "檢視本人資料"},
}
SEVERITY_WORDS: Final[dict[str, Words]] = {
    "low": {"en": "low", "zh-hans": "低", "zh-hant": "低"},
    "medium": {"en": "medium", "zh-hans": "中", "zh-hant": "中"},
    "high": {"en": "high", "zh-hans": "高", "zh-hant": "高"},
}
_MEASURES: Final[dict[str, Words]] = {
    "opened-hour": {
        "en": "{seen} customers opened within an hour", "zh-hans": "一小时内打开了 {seen} 位客户",
        "zh-hant": "一小時內開啟了 {seen} 位客戶",
    },
    "opened-day": {
        "en": "{seen} customers opened on this day", "zh-hans": "当天打开了 {seen} 位客户",
        "zh-hant": "當天開啟了 {seen} 位客戶",
    },
    "listed-hour": {
        "en": "{seen} customers listed within an hour", "zh-hans": "一小时内列出了 {seen} 位客户",
        "zh-hant": "一小時內列出了 {seen} 位客戶",
    },
    "listed-day": {
        "en": "{seen} customers listed on this day", "zh-hans": "当天列出了 {seen} 位客户",
        "zh-hant": "當天列出了 {seen} 位客戶",
    },
    "opened-drift": {
        "en": "about {seen} customers a day on the last {days} days of work; before, about {own}",
        "zh-hans": "最近 {days} 个工作日平均每天约 {seen} 位客户，此前约 {own} 位",
        "zh-hant": "最近 {days} 個工作日平均每天約 {seen} 位客戶，此前約 {own} 位",
    },
    "once-day": {
        "en": "{seen} customers visited a single time", "zh-hans": "{seen} 位客户只看过一次",
        "zh-hant": "{seen} 位客戶只看過一次",
    },
    "places-day": {
        "en": "they came from {seen} different segments", "zh-hans": "分属 {seen} 个不同的群组",
        "zh-hant": "分屬 {seen} 個不同的群組",
    },
    "refused-day": {
        "en": "{seen} refusals on this day: {customers} customers, {questions} different questions",
        "zh-hans": "当天被拒绝 {seen} 次：涉及 {customers} 位客户、{questions} 种查询",
        "zh-hant": "當天被拒絕 {seen} 次：涉及 {customers} 位客戶、{questions} 種查詢",
    },
    "walked-day": {
        "en": "{seen} neighbours in the order of arrival, opened in that order",
        "zh-hans": "按客户录入顺序连续打开了 {seen} 位相邻客户", "zh-hant": "按客戶錄入順序連續開啟了 {seen} 位相鄰客戶",
    },
    "walked-week": {
        "en": "{seen} neighbours in the order of arrival, opened in that order within {days} days",
        "zh-hans": "{days} 天内按客户录入顺序连续打开了 {seen} 位相邻客户",
        "zh-hant": "{days} 天內按客戶錄入順序連續開啟了 {seen} 位相鄰客戶",
    },
    "off-hours": {
        "en": "{seen} customers opened off hours", "zh-hans": "非工作时间打开了 {seen} 位客户",
        "zh-hant": "非工作時間開啟了 {seen} 位客戶",
    },
    "quota-opened": {
        "en": "the quota of records is spent; {seen} more were asked for in vain",
        "zh-hans": "查看记录的限额已用完，之后又尝试 {seen} 次", "zh-hant": "檢視記錄的限額已用完，之後又嘗試 {seen} 次",
    },
    "quota-listed": {
        "en": "the quota of rows in lists is spent; {seen} more were asked for in vain",
        "zh-hans": "列表行数的限额已用完，之后又尝试 {seen} 次", "zh-hant": "列表行數的限額已用完，之後又嘗試 {seen} 次",
    },
    "break-glass": {"en": "{seen} times", "zh-hans": "{seen} 次", "zh-hant": "{seen} 次"},
    "mark": {
        "en": "{seen} looks at {customers} such customers, {refused} of them refused",
        "zh-hans": "查看 {seen} 次，涉及 {customers} 位此类客户，其中 {refused} 次被拒绝",
        "zh-hant": "檢視 {seen} 次，涉及 {customers} 位此類客戶，其中 {refused} 次被拒絕",
    },
    "mark-open": {
        "en": "{seen} looks at {customers} such customers", "zh-hans": "查看 {seen} 次，涉及 {customers} 位此类客户",
        "zh-hant": "檢視 {seen} 次，涉及 {customers} 位此類客戶",
    },
}  # fmt: skip
_USUAL: Final[Words] = {
    "en": "usual for this person up to {own}", "zh-hans": "此人通常不超过 {own}", "zh-hant": "此人通常不超過 {own}",
}  # fmt: skip
_ROLE: Final[Words] = {
    "en": "for the role up to {role}", "zh-hans": "同岗位通常不超过 {role}", "zh-hant": "同職位通常不超過 {role}",
}  # fmt: skip
_DUTY: Final[Words] = {
    "en": "by the hours of duty", "zh-hans": "以值班时间为准", "zh-hant": "以值班時間為準",
}  # fmt: skip
_HABIT: Final[Words] = {
    "en": "by when this person or the role usually works", "zh-hans": "以此人或同岗位的惯常工作时间为准",
    "zh-hant": "以此人或同職位的慣常工作時間為準",
}  # fmt: skip

# English alone says one thing otherwise than many: "1 customers" loses its s
_ONE: Final = re.compile(
    r"(?<![\d.,])1 ((?:such |different )?)(look|time|customer|segment|refusal|question|neighbour|day)s\b"
)


def sentences(alert: Alert, language: str) -> list[str]:
    """What the evidence of an alert says, one sentence for each thing found; ``language`` as ``zh-hans``."""
    return [text for one in alert.evidence.get("found", ()) if (text := _sentence(one, language))]


def _sentence(found: Mapping[str, Any], language: str) -> str:
    measure = str(found.get("measure", ""))
    marked = "mark" if found.get("refused") else "mark-open"
    words = _MEASURES.get(measure) or _MEASURES[marked if "customers" in found else "break-glass"]
    found = {name: f"{value:,}" if isinstance(value, int) else value for name, value in found.items()}
    try:
        text = words[language].format_map(found)
        text = _ONE.sub(r"1 \1\2", text) if language == "en" else text
        beside = []
        if measure != "opened-drift":
            beside += [_USUAL[language].format_map(found)] if found.get("own") is not None else []
            beside += [_ROLE[language].format_map(found)] if found.get("role") is not None else []
        if "by" in found:
            beside.append((_DUTY if found["by"] == "duty" else _HABIT)[language])
    except KeyError:  # raised elsewhere, with evidence of its own
        return ""
    stop, comma = (". ", ", ") if language == "en" else ("。", "，")
    return (text + ("; " if language == "en" else "；") + comma.join(beside) if beside else text) + stop.strip()
