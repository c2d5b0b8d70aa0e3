"""Forms of the company: a way to write to it, a mailing list, and a survey that some made-up visitors have answered.

Built by marketing and published by the privacy office, answered by the way that visitors answer; done again it changes nothing.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Final

from kehu.collect.forms import building
from kehu.collect.forms.definition import Definition
from kehu.collect.forms.models import Form
from kehu.collect.forms.questions import Question
from kehu.collect.forms.showing import shown
from kehu.collect.forms.stamps import make_stamp
from kehu.collect.forms.submission import Sent, submit
from kehu.collect.inbox.drain import drain_all
from kehu.govern.models import Controller
from kehu.guard.gate.actor import Actor

_ANSWERS: Final = 24


def _words(hans: str, hant: str, en: str) -> dict[str, str]:
    return {"zh-hans": hans, "zh-hant": hant, "en": en}


_CONTACT: Final = Definition(
    texts={
        "title": _words("给我们写信", "寫信給我們", "Write to us"),
        "intro": _words("我们通常在一个工作日内答复。", "我們通常在一個工作日內答覆。", "We usually answer within a working day."),
        "thanks": _words("谢谢您的来信。", "謝謝您的來信。", "Thank you for writing."),
    },
    purposes=("service", "personalisation"),
    wordings={"personalisation": _words("请按我的兴趣调整推荐", "請按我的興趣調整推薦", "Fit what you show me to what I like")},
    fields={"full_name": True, "email": True, "phone": False, "interests": False, "text": False},
    country="CN", children=True,
)  # fmt: skip
_LETTERS: Final = Definition(
    texts={
        "title": _words("茶讯", "茶訊", "Letters on tea"),
        "intro": _words("新品、活动与优惠，由您选择。", "新品、活動與優惠，由您選擇。", "News, events, offers: as you choose."),
    },
    purposes=("marketing",), fields={"email": True}, letters=("email:newsletter", "email:events", "email:offers"), country="CN",
)  # fmt: skip
_SURVEY: Final = Definition(
    texts={
        "title": _words("您觉得怎么样？", "您覺得怎麼樣？", "How was it?"),
        "intro": _words("三个问题，一分钟。", "三個問題，一分鐘。", "Three questions, one minute."),
    },
    purposes=("analytics",), wordings={"analytics": _words("请统计我的答复", "請統計我的答覆", "Count my answers")}, country="CN",
    confirmed=False, anonymous=True,
    questions=(
        Question("service", "scale", _words("您对服务满意吗？", "您對服務滿意嗎？", "How content are you with the service?")),
        Question("bought", "choice", _words("您买了什么？", "您買了什麼？", "What did you buy?"), options=(
            _words("茶叶", "茶葉", "Tea"), _words("茶具", "茶具", "Cups"), _words("礼盒", "禮盒", "A gift box"),
        )),
        Question("more", "text", _words("您还想告诉我们什么？", "您還想告訴我們什麼？", "What else would you like to tell us?")),
    ),
)  # fmt: skip
_TOLD: Final = (
    "送得很快。",
    "包装很仔细。",
    "希望有小包装。",
    "茶很香。",
    "门店的人很热心。",
    "想要冷泡茶。",
    "请打 13800138000 联系我。",
)


def keep_forms(actor_of: Callable[[str], Actor]) -> None:
    """Three forms in use; ``actor_of``: who holds a role."""
    house = Controller.objects.order_by("id").values_list("name", flat=True).first() or ""
    for name, kind, definition in (
        ("contact", "form", _CONTACT),
        ("tea letters", "list", _LETTERS),
        ("after buying", "survey", _SURVEY),
    ):
        if Form.objects.filter(name=name).exists():
            continue
        made = building.create(name, kind, actor=actor_of("marketing"))
        held = Definition.unpack(definition.pack() | {"controller": house})
        building.draft(made, held, actor=actor_of("marketing"))
        building.publish(made, actor=actor_of("privacy"))
        if kind == "survey":
            for number in range(_ANSWERS):
                _answer(made, number)
            drain_all()


def _answer(form: Form, number: int) -> None:
    said: Mapping[str, str] = {
        "service": str(5 - number % 3), "bought": str(1 + number % 2 if number < _ANSWERS - 6 else 3),
        "more": _TOLD[number] if number < len(_TOLD) else "",
    }  # fmt: skip
    held = shown(form.id)
    stamp = make_stamp(form.id, held.version.number, at=time.time() - 60)
    sent = Sent({}, frozenset(), frozenset(), "zh-hans", f"made-up-{number}", stamp=stamp, answers=said)
    submit(held, sent, address="")
