"""A review by keys alone, announced and without a reload; its pages in every dress."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from kehu.guard.staff.actions import owner_actor
from kehu.refine.models import Answer, Proposal
from kehu.refine.resolve import weighing, weights
from kehu.refine.resolve.compare.model import VERSION
from kehu.refine.resolve.opening import Group
from kehu.refine.resolve.review import queue
from kehu.refine.resolve.review.queue import Pair
from kehu.vault.ids import new_id
from tests.cast import admit
from tests.dresses import in_every_dress

LIN = {
    "full_name": "林婉清", "birth_date": "1990-03-14", "email": "lin.wanqing@mail.example", "phone": "+8613801926721",
    "national_id": "110101199003140026", "occupation": "teacher",
}  # fmt: skip
LYN = {
    **LIN,
    "full_name": "林婉青",
    "birth_date": "1990-03-15",
    "email": "a.very.long.mailbox.name.of.hers@mail.example",
}


# the last key once more just after its answer, before anybody can have seen what is asked now
TAPPED_AGAIN = """() => {
  let last = "";
  const tap = () => document.body.dispatchEvent(new KeyboardEvent("keydown", { key: last, bubbles: true }));
  addEventListener("keydown", (e) => { if (e.isTrusted) last = e.key; }, true);
  document.addEventListener("htmx:afterRequest", () => { tap(); setTimeout(tap, 100); });
}"""


def _asked(*weights_: float) -> list[str]:
    run, pairs = new_id(), []
    for number, weight in enumerate(weights_):
        one, other = admit({**LIN, "external_id": f"A{number}"}, {**LYN, "external_id": f"B{number}"})
        pairs.append(Pair.of(one, other, weight))
    queue.propose(pairs, run=run)
    return [f"/review/{Proposal.objects.get(older=pair.older).id}" for pair in pairs]


def test_a_review_by_keys(visit: Callable[..., Any]) -> None:
    first, second, third = _asked(0.0, 1.0, 2.0)
    window = visit()
    window.look(width=1440, theme="light", language="en")
    window.sign_in("privacy", "rights-request")
    page = window.page
    window.go("/review")
    page.keyboard.press("j")
    assert page.evaluate("document.activeElement.getAttribute('href')") == first
    page.keyboard.press("Enter")
    page.wait_for_url(f"**{first}")
    page.evaluate("window.still = true")  # gone with a reload
    page.evaluate(TAPPED_AGAIN)
    for key, then, said in (
        ("u", second, "a second person is asked"),
        ("y", third, "they are one customer now"),
        ("z", second, "all is as it was before"),
        ("n", third, "never asked about again"),
    ):
        page.keyboard.press(key)
        page.keyboard.press(key)  # twice: one answer
        page.wait_for_url(f"**{then}")
        page.locator(f"#r-live:has-text('{said}')").wait_for(state="attached")
        assert page.evaluate("window.still && document.activeElement.id") == "r-h"
        page.locator("#pair[aria-busy=false]").wait_for()
        assert page.url.endswith(then)
    assert sorted(Answer.objects.filter(withdrawn_at=None).values_list("verdict", flat=True)) == ["no", "unsure"]
    page.keyboard.press("?")
    page.locator("#r-keys[open]").wait_for()
    page.keyboard.press("n")  # not while the keys are shown
    page.keyboard.press("Escape")
    page.keyboard.press("q")
    page.wait_for_url("**/review")
    assert Answer.objects.filter(withdrawn_at=None).count() == 2


def test_its_pages_in_every_dress(visit: Callable[..., Any]) -> None:
    [pair] = _asked(1.0)
    owner = owner_actor()
    for weight, verdict in [(2.0, "no")] * 20 + [(3.0, "yes")] * 15:
        Answer.objects.create(
            id=new_id(), proposal=new_id(), round=1, verdict=verdict, sure=True, by=owner.human, weight=weight, decided=True,
            controller=1, kind=1,
        )  # fmt: skip
    for prior, levels in ((0.01, {"phone": [[0.5, 0.1]]}), (1e-20, {"email": [[0.5, 0.1]]})):
        made = weights.keep_learned(
            Group(1, "person"), {"version": VERSION, "prior": prior, "levels": levels}, run=new_id()
        )
    assert made is not None
    weighing.compare(made.id, actor=owner)
    customer = Proposal.objects.get().older
    window = visit()
    window.sign_in("privacy", "rights-request")
    wrong = list[str]()
    for path in (pair, "/review/answers", f"/review/weights/{made.id}", f"/customers/{customer}/lineage"):
        wrong += in_every_dress(window, path)
    assert wrong == []
