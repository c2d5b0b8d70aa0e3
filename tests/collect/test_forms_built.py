"""Forms in the office: what may be asked and how it may be written, and that another publishes it."""

from __future__ import annotations

from dataclasses import replace

import pytest
from django.db import DatabaseError, transaction

from kehu.collect.forms import building
from kehu.collect.forms.definition import Fault
from kehu.collect.forms.models import FormVersion
from kehu.collect.forms.questions import Question
from kehu.collect.forms.showing import FormClosed, shown
from kehu.govern.slugs import LANGUAGES
from kehu.guard.gate.acts import Refused
from tests.forms import CONTACT, published, someone

pytestmark = pytest.mark.usefixtures("database", "letters")


def fault_of(**parts) -> Fault:
    form = building.Form.objects.first() or building.create("f", "form", actor=someone("marketing"))
    with pytest.raises(Fault) as caught:
        building.draft(form, replace(CONTACT, **parts), actor=someone("marketing"))
    return caught.value


def test_only_what_a_purpose_of_the_form_needs_may_be_asked():
    unneeded = fault_of(fields={"email": True, "occupation": False})
    assert (unneeded.code, unneeded.about) == ("field-not-needed", "occupation")
    assert fault_of(fields={"email": True, "size": False}, purposes=("service",)).needed == (
        "personalisation",
        "analytics",
    )
    assert fault_of(fields={"email": True, "national_id": False}).code == "field-sensitive"
    assert fault_of(fields={"email": True, "order_id": False}).code == "field-not-asked"
    assert fault_of(fields={"email": True, "shoe": False}).code == "field-unknown"
    # what rests on a consent alone is required of nobody
    assert fault_of(fields={"email": True, "platform": True}).code == "field-required-optional"
    assert fault_of(purposes=("moon",)).code == "purpose-unknown"


def test_it_is_published_by_somebody_else_and_never_changed():
    mia, paul = someone("marketing"), someone("privacy")
    form = building.create("ask", "form", actor=mia)
    checked = building.draft(form, CONTACT, actor=mia)
    assert [one.code for one in checked.faults] == ["controller-unknown"]
    with pytest.raises(building.Unfinished):
        building.publish(form, actor=paul)
    with pytest.raises(Refused):
        building.publish(form, actor=mia)
    made = published(name="own")
    building.draft(building.form_of(made.id), replace(made.definition, country="CN"), actor=paul)
    with pytest.raises(Refused) as refused:
        building.publish(building.form_of(made.id), actor=paul)
    assert refused.value.policy == "house.second-person"
    with pytest.raises(DatabaseError), transaction.atomic():
        FormVersion.objects.filter(id=made.version.id).update(number=9)
    with pytest.raises(Refused):
        building.create("x", "form", actor=someone("engineer"))
    building.close(building.form_of(made.id), actor=mia)
    with pytest.raises(FormClosed):
        shown(made.id)


@pytest.mark.parametrize("sign", ["\x07", "\u202e", "\u2067", "\u200f"], ids=["bell", "override", "isolate", "mark"])
def test_what_would_be_shown_otherwise_than_it_stands_is_refused(sign):
    mia = someone("marketing")
    with pytest.raises(ValueError, match="is seen"):
        building.create(f"ask{sign}me", "form", actor=mia)
    told = dict.fromkeys(LANGUAGES, f"Ask {sign}us")
    refused = fault_of(texts=CONTACT.texts | {"intro": told})
    assert (refused.code, refused.about) == ("text-turns", LANGUAGES[0])
    slug = CONTACT.consents()[0]
    assert fault_of(wordings=CONTACT.wordings | {slug: told}).code == "text-turns"
    fine = dict.fromkeys(LANGUAGES, "How was it?")
    for asked in (Question("q1", "text", told), Question("q1", "choice", fine, options=(fine, told))):
        refused = fault_of(questions=(asked,))
        assert (refused.code, refused.about) == ("question-turns", "1")


def test_a_text_of_lines_and_in_any_script_is_kept():
    form = building.create("שאלון", "form", actor=someone("marketing"))
    told = dict.fromkeys(LANGUAGES, "שלום\r\n\tمرحبا می‌خواهم")
    building.draft(form, replace(CONTACT, texts=CONTACT.texts | {"intro": told}), actor=someone("marketing"))
