"""How two texts differ: what a reader sees, and that nothing of either is lost."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kehu.govern.differences import pieces


def marked(old, new):
    marks = {"same": "{}", "removed": "[-{}-]", "added": "{{+{}+}}"}
    return "".join(marks[one.kind].format(one.text) for one in pieces(old, new))


@pytest.mark.parametrize(
    ("old", "new", "seen"),
    [
        ("We obey the law.", "We obey every law.", "We obey [-the-]{+every+} law."),
        (
            "as you like at any time.",
            "as you like whenever you want.",
            "as you like [-at any time-]{+whenever you want+}.",
        ),
        ("您可随时撤回。", "您可以随时撤回同意。", "您可{+以+}随时撤回{+同意+}。"),
        ("one\ntwo\nthree\n", "one\nthree\n", "one\n[-two\n-]three\n"),
        ("same", "same", "same"),
        ("", "new", "{+new+}"),
        ("old", "", "[-old-]"),
        ("one", "one two", "one{+ two+}"),
    ],
)
def test_what_a_reader_sees(old, new, seen):
    assert marked(old, new) == seen


_text = st.text(alphabet=st.sampled_from("ab您可 \n.,"), max_size=40)


@given(old=_text, new=_text)
def test_nothing_is_lost(old, new):
    found = pieces(old, new)
    assert "".join(one.text for one in found if one.kind != "removed") == new
    assert "".join(one.text for one in found if one.kind != "added") == old


def falling(end: str) -> str:
    """Runs of one line, each shorter than the one before: matched one after the other, the longest first."""
    return "".join("a\n" * n + f"{end}{n}\n" for n in range(60, 0, -1))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("a\n" * 8_000, "b\n" + "a\n" * 8_000 + "c"),
        ("\n" * 50_000, "b\n" + "\n" * 49_990 + "c"),
        (falling("x"), falling("y")),
        (falling("x").replace("\n", " "), falling("y").replace("\n", " ")),
    ],
)
def test_whatever_is_compared_it_ends(old, new):
    began = time.perf_counter()
    found = pieces(old, new)
    assert time.perf_counter() - began < 10
    assert "".join(one.text for one in found if one.kind != "removed") == new
    assert "".join(one.text for one in found if one.kind != "added") == old


def test_one_word_in_a_text_too_long_to_compare_is_seen():
    old = "\n" * 40_000 + "We obey the law.\n" + "\n" * 40_000
    found = pieces(old, old.replace("the", "every"))
    assert [(one.kind, one.text) for one in found if one.kind != "same"] == [("removed", "the"), ("added", "every")]


def test_a_long_notice_is_compared_in_time():
    old = "\n".join(f"第{number}条 我们处理您的资料，以便提供服务。" * 20 for number in range(100))
    began = time.perf_counter()
    found = pieces(old, old.replace("提供", "改进"))
    assert time.perf_counter() - began < 10
    assert any(one.kind == "added" for one in found)
