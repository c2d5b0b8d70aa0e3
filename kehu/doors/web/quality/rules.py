"""Rules: those that ship and the house's own, in their versions; written with examples, tried, put in force, retired."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final
from uuid import UUID

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from kehu.doors.web.entrance import staff_page
from kehu.doors.web.pages import field_label, page
from kehu.doors.web.quality import words
from kehu.govern.slugs import LANGUAGES
from kehu.guard.access.owners import owners
from kehu.guard.gate.acts import require_act
from kehu.guard.staff.actions import UnknownStaff
from kehu.guard.staff.models import Staff
from kehu.guard.staff.sign_ins import SignedIn
from kehu.refine.quality import rules
from kehu.refine.quality.language import kind_of
from kehu.refine.quality.models import DIMENSIONS, SEVERITIES, Rule
from kehu.refine.quality.scores import Shown
from kehu.refine.quality.texts import BadRule, ExampleFails, RuleText, field_types, shipped_texts

_LANGUAGE_NAMES: Final = {"zh-hans": "简体中文", "zh-hant": "繁體中文", "en": "English"}


@staff_page
@require_GET
def listed(request: HttpRequest, desk: SignedIn) -> HttpResponse:
    """Every rule, with how it stands and whose it is."""
    require_act("quality", desk.without_purpose)
    latest, owned = rules.latest_of_office(), _owned(desk)
    out = rules.left_out()
    rows = [_row(slug, latest.get(slug), owned, out=slug in out) for slug in sorted({*shipped_texts(), *latest})]
    context = {"quality_tabs": words.tabs(desk), "rows": rows, "may_write": desk.may("quality-rule")}
    return page(request, "quality/rules.html", context, desk=desk, nav="quality")


@staff_page
@require_http_methods(["GET", "POST"])
def new(request: HttpRequest, desk: SignedIn) -> HttpResponse:
    """Write a rule; its examples are tested before it is kept."""
    actor, problem, said = desk.without_purpose, "", request.POST
    require_act("quality-rule", actor)
    if request.method == "POST":
        try:
            made = rules.save_rule(
                _text(said), owner=said.get("owner", "").strip(), deputy=said.get("deputy", "").strip(), actor=actor
            )
            return redirect(reverse("quality-rule", args=[made.slug]) + "?done=saved")
        except BadRule as bad:
            problem = _problem(bad, said.get("condition", ""))
        except ExampleFails as fails:
            told = {"passes": _("Example %(n)s should meet the rule and does not."),
                    "fails": _("Example %(n)s should not meet the rule and does, or the rule says nothing of it.")}  # fmt: skip
            problem = told[fails.wanted] % {"n": fails.number}
        except UnknownStaff:
            problem = _("Owner and deputy are two people who work here, by their emails.")
        except ValueError:
            problem = _(
                "Something is missing or unknown: a name in each language, an example of each kind, two people."
            )
    types = field_types()
    base = _base(request.GET.get("of", ""))
    context = {
        "quality_tabs": words.tabs(desk),
        "said": said if request.method == "POST" else base,
        "languages": [
            (one, _LANGUAGE_NAMES[one], (said if request.method == "POST" else base).get(f"label_{one}", ""))
            for one in LANGUAGES
        ],
        "dimensions": [(one, words.DIMENSIONS[one][0]) for one in DIMENSIONS],
        "severities": [(one, words.SEVERITIES[one][1]) for one in SEVERITIES],
        "segments": words.segments(),
        "fields": [(name, field_label(name), kind_of(type_)) for name, type_ in types.items()],
        "people": list(Staff.objects.filter(is_active=True).order_by("email").values_list("email", flat=True)),
        "problem": problem,
    }
    return page(request, "quality/rule_new.html", context, desk=desk, nav="quality", status=422 if problem else 200)


@staff_page
@require_GET
def one(request: HttpRequest, desk: SignedIn, slug: str) -> HttpResponse:
    """A rule with its versions and what can be done with them."""
    require_act("quality", desk.without_purpose)
    held = rules.versions(slug)
    text = rules.text_of(held[0]) if held else shipped_texts().get(slug)
    if text is None:
        raise Http404
    names = dict(Staff.objects.values_list("id", "email"))
    done = {
        "saved": _("Kept as a draft; its examples turned out as they should. Try it next."),
        "try": _("Tried on a sample; nothing counts yet."),
        "force": _("In force from the next measuring on."),
        "retire": _("Retired. To have it back, write another version: it begins with what this one said."),
    }
    shipped = slug in shipped_texts() and not any(row.state != "draft" for row in held)
    context = {
        "quality_tabs": words.tabs(desk),
        "slug": slug,
        "label": words.rule_label(slug, dict(text.labels)),
        "text": text,
        "dimension": words.DIMENSIONS[text.dimension][0],
        "severity": words.SEVERITIES[text.severity],
        "whom": words.segment_label(text.segment),
        "passes": [_example(row) for row in text.passes],
        "fails": [_example(row) for row in text.fails],
        "versions": [_version(row, names) for row in held],
        "shipped": shipped,
        "in_force": shipped or any(row.state == "in-force" for row in held),
        "owned": next((row for row in _owned(desk) if row.name == slug), None),
        "may_write": desk.may("quality-rule"),
        "sample": rules.SAMPLE,
        "left_out": slug in rules.left_out(),
        "unreadable": request.GET.get("done") == "unreadable",
        "told": done.get(request.GET.get("done", ""), ""),
    }
    return page(request, "quality/rule.html", context, desk=desk, nav="quality")


@staff_page
@require_POST
def step(request: HttpRequest, desk: SignedIn, slug: str) -> HttpResponse:
    """Try a version, put it in force, or retire the rule."""
    actor, do = desk.without_purpose, request.POST.get("do", "")
    require_act("quality-rule", actor)
    try:
        if do == "retire":
            rules.retire(slug, actor=actor)
        elif do in ("try", "force"):
            id = UUID(request.POST.get("version", ""))
            (rules.try_rule if do == "try" else rules.put_in_force)(id, actor=actor)
        else:
            raise Http404
    except BadRule:
        do = "unreadable"
    except (ValueError, rules.UnknownRule):
        raise Http404 from None
    except (rules.NotTried, rules.RuleEnded):
        do = ""
    return redirect(reverse("quality-rule", args=[slug]) + f"?done={do}")


def _owned(desk: SignedIn) -> list[Any]:
    return owners(actor=desk.without_purpose, kind=rules.OWNED)


def _row(slug: str, row: Rule | None, owned: list[Any], *, out: bool) -> dict[str, Any]:
    text = rules.text_of(row) if row is not None else shipped_texts()[slug]
    whose = next((one for one in owned if one.name == slug), None)
    return {
        "slug": slug,
        "label": words.rule_label(slug, dict(text.labels)),
        "condition": text.condition,
        "dimension": words.DIMENSIONS[text.dimension][0],
        "severity": words.SEVERITIES[text.severity],
        "whom": words.segment_label(text.segment) if text.segment else "",
        "state": words.STATES[row.state if row is not None else "shipped"],
        "left_out": words.STATES["left-out"] if out else None,
        "owner": whose.owner_email if whose is not None else "",
        "deputy": whose.deputy_email if whose is not None else "",
    }


def _version(row: Rule, names: Mapping[UUID, str]) -> dict[str, Any]:
    tried = Shown.made(row.tried_of, row.tried_bad or 0) if row.tried_of is not None else None
    return {
        "row": row, "state": words.STATES[row.state], "by": names.get(row.made_by, ""),
        "tried": words.told(tried) if tried is not None else None,
        "may_force": row.state == "draft" and row.tried_at is not None,
    }  # fmt: skip


def _text(said: Mapping[str, str]) -> RuleText:
    return RuleText(
        slug=said.get("slug", "").strip(),
        labels={one: said.get(f"label_{one}", "").strip() for one in LANGUAGES},
        condition=said.get("condition", "").strip(),
        dimension=said.get("dimension", ""),
        severity=said.get("severity", ""),
        segment=said.get("segment", ""),
        passes=_examples(said.get("passes", "")),
        fails=_examples(said.get("fails", "")),
    )


def _examples(text: str) -> list[dict[str, str]]:
    """One a line: ``field = value; field = value``."""
    found = []
    for line in text.splitlines():
        parts = [one.partition("=") for one in line.split(";") if one.strip()]
        if parts:
            found.append({name.strip(): value.strip().strip("'") for name, _sign, value in parts})
    return found


def _example(row: Mapping[str, str]) -> str:
    return "; ".join(f"{name} = {value}" for name, value in row.items())


def _base(slug: str) -> dict[str, str]:
    """What the form begins with: the newest text of a rule, or an empty one."""
    held = rules.versions(slug) if slug else []
    text = rules.text_of(held[0]) if held else shipped_texts().get(slug)
    if text is None:
        return {"dimension": "validity", "severity": "medium"}
    return {
        "slug": slug, "condition": text.condition, "dimension": text.dimension, "severity": text.severity,
        "segment": text.segment,
        "passes": "\n".join(map(_example, text.passes)), "fails": "\n".join(map(_example, text.fails)),
        **{f"label_{one}": label for one, label in text.labels.items()},
    }  # fmt: skip


def _problem(bad: BadRule, condition: str) -> str:
    told = {
        "unknown-field": _("No field of that name: %(found)s"),
        "kind": _("These two cannot be compared: %(found)s"),
        "pattern": _("The pattern cannot be read: %(found)s"),
        "date": _("No such day: %(found)s"),
        "expected": _("Expected here: %(found)s"),
        "too-long": _("The condition is too long."),
        "too-deep": _("Too many brackets."),
        "no-field": _("The condition names no field."),
        "ends": _("The condition ends too early."),
    }
    text = told.get(bad.why, _("This cannot be read: %(found)s")) % {"found": bad.found}
    at = min(bad.at, len(condition))
    return _("%(why)s (at character %(at)s: “%(near)s”)") % {"why": text, "at": at + 1, "near": condition[at : at + 20]}
