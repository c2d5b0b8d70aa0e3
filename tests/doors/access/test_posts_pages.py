"""People and posts, owners, and roles of the house: by forms without script, in three languages."""

from __future__ import annotations

import re

from kehu.guard.access import owners, roles
from kehu.guard.access.leaving import Post, changes
from kehu.guard.staff.actions import owner_actor, renew_password
from kehu.guard.staff.models import Staff
from kehu.serve.office import posts
from tests.doors.web.browsing import browser, signed_in, text_of


def email_of(actor):
    return Staff.objects.get(id=actor.staff).email


def test_an_account_is_closed_once_somebody_takes_over(database):
    legal, _ = signed_in("legal")
    li_desk, li = signed_in("service")
    _, wu = signed_in("manager")
    owners.set_owner("law", ["EU"], owner=email_of(li), deputy=None, actor=owner_actor())
    path = f"/access/posts/{li.staff}"
    page = text_of(legal.get(path))
    assert "欧盟" in page and email_of(li) in page
    assert email_of(li) in text_of(legal.get("/access/posts"))
    refused = legal.post(f"{path}/close")
    assert refused.status_code == 409
    assert "尚无人接手" in text_of(refused)
    assert li_desk.get("/access").status_code == 200
    done = legal.post(f"{path}/close", {"to": str(wu.staff)})
    assert done["Location"] == "/access/posts?done=close"
    assert "已停用" in text_of(legal.get("/access/posts?done=close"))
    assert li_desk.get("/access").status_code == 302
    assert owners.owned_by(wu.staff)[0].name == "EU"


def test_a_post_waits_for_a_second_person(database):
    legal, _ = signed_in("legal")
    other, _ = signed_in("legal")
    _, li = signed_in("service")
    path = f"/access/posts/{li.staff}"
    assert legal.post(f"{path}/move", {"role": "king"}).status_code == 422
    assert legal.post(f"{path}/move", {"role": "service", "department": "service"}).status_code == 422
    assert legal.post(f"{path}/dance").status_code == 404
    asked = legal.post(f"{path}/move", {"role": "analyst", "department": "insight"})
    assert asked["Location"].endswith("done=asked")
    [waits] = changes()
    assert f"/access/changes/{waits.id}/let" not in text_of(legal.get("/access/posts"))
    assert f"/access/changes/{waits.id}/let" in text_of(other.get("/access/posts"))
    assert legal.post(f"/access/changes/{waits.id}/let").status_code == 403
    assert legal.post(f"{path}/move", {"role": "marketing", "department": ""}).status_code == 409
    assert other.post(f"/access/changes/{waits.id}/let")["Location"].endswith("done=let")
    assert Staff.objects.get(id=li.staff).role == "analyst"
    legal.post(f"{path}/close")
    assert "/reopen" in text_of(legal.get(path))
    assert legal.post(f"{path}/reopen", {"role": "analyst"})["Location"].endswith("done=asked")


def test_who_was_to_take_over_and_left_takes_nothing(database):
    legal, _ = signed_in("legal")
    other, _ = signed_in("legal")
    _, li = signed_in("service")
    _, wu = signed_in("manager")
    owners.set_owner("purpose", ["marketing"], owner=email_of(li), deputy=None, actor=owner_actor())
    path, form = f"/access/posts/{li.staff}", {"role": "analyst", "to": str(wu.staff)}
    assert legal.post(f"{path}/move", form)["Location"].endswith("done=asked")
    [waits] = changes()
    posts.close(wu.staff, actor=owner_actor())
    refused = other.post(f"/access/changes/{waits.id}/let")
    assert refused.status_code == 409 and "尚无人接手" in text_of(refused)
    assert owners.owned_by(li.staff)[0].name == "marketing" and changes() == [waits]
    stale = other.post(f"{path}/close", {"to": str(wu.staff)})
    assert stale.status_code == 409 and "尚无人接手" in text_of(stale)
    _, amy = signed_in("manager")
    form = {"to": str(amy.staff)}
    assert other.post(f"{path}/close", form)["Location"].endswith("done=close")
    assert other.post(f"{path}/close", form)["Location"] == "/access/posts"  # somebody was quicker


def test_a_manager_sees_their_department_alone(database):
    boss, held = signed_in("manager")
    _, li = signed_in("service")
    assert boss.get(f"/access/posts/{li.staff}").status_code == 404
    assert boss.post(f"/access/posts/{held.staff}/close").status_code == 403  # oneself
    assert "/close" not in text_of(boss.get(f"/access/posts/{held.staff}"))


def test_owners_are_named_by_a_form(database):
    boss, one = signed_in("manager")
    _, two = signed_in("legal")
    paul, privacy = signed_in("privacy")
    page = text_of(boss.get("/access/owners?kind=purpose"))
    assert 'value="marketing"' in page
    assert 'name="names"' not in text_of(paul.get("/access/owners?kind=purpose"))
    form = {"kind": "purpose", "names": ["marketing", "service"], "owner": email_of(one), "deputy": email_of(two)}
    assert boss.post("/access/owners", form | {"deputy": email_of(one)}).status_code == 422
    assert boss.post("/access/owners", form | {"names": []}).status_code == 422
    refused = boss.post("/access/owners", form | {"owner": email_of(privacy)})
    assert refused.status_code == 403 and "house.independent" in text_of(refused)
    assert boss.post("/access/owners", form)["Location"] == "/access/owners?kind=purpose&done=named"
    assert email_of(two) in text_of(paul.get("/access/owners?kind=purpose"))
    assert paul.post("/access/owners", form).status_code == 403


def test_a_role_is_narrowed_by_a_form_and_let_through_by_another(database):
    boss, _ = signed_in("manager")
    legal, _ = signed_in("legal")
    form = {
        "name": "returns", "base": "service", "purposes": ["complaints"], "categories": ["contact"], "level": "3",
        "actions": ["mask", "match"], "acts": [],
    }  # fmt: skip
    assert 'name="acts"' in text_of(boss.get("/access/roles/propose?base=service"))
    assert boss.post("/access/roles/propose", form | {"name": "Re Turns"}).status_code == 422
    assert boss.post("/access/roles/propose", form | {"purposes": ["marketing"]}).status_code == 422
    assert boss.post("/access/roles/propose", form)["Location"].endswith("done=proposed#house")
    assert boss.post("/access/roles/propose", form).status_code == 409
    [held] = roles.house_roles(actor=owner_actor())
    assert f"/access/roles/{held.id}/approve" not in text_of(boss.get("/access/roles"))
    assert legal.post(f"/access/roles/{held.id}/approve")["Location"].endswith("done=approve#house")
    assert legal.post(f"/access/roles/{held.id}/refuse")["Location"].endswith("#house")
    page = text_of(legal.get("/access/roles?role=returns"))
    assert "house.custom-role" in page
    assert "HouseRole(" not in page
    assert re.search(r'<option value="returns" selected', page)


def test_whoever_holds_a_narrowed_role_is_offered_what_is_left(database):
    desk, li = signed_in("service")
    held = roles.propose(
        "returns", "service", purposes=["complaints"], categories=["contact"], level=3, actions=["mask"], acts=[],
        actor=signed_in("manager")[1],
    )  # fmt: skip
    roles.decide(held.id, actor=owner_actor(), approve=True)
    assert 'href="/review"' in text_of(desk.get("/access"))
    posts.move(li.staff, Post.named("returns", "service"), actor=owner_actor())
    assert desk.get("/access").status_code == 302
    fresh, _ = sign_in_again(li)
    page = text_of(fresh.get("/purpose"))
    assert 'value="complaints"' in page and 'value="service"' not in page
    assert fresh.post("/purpose", {"purpose": "service"}).status_code == 403
    page = text_of(fresh.get("/access"))
    assert "returns" in page and 'href="/review"' not in page and 'href="/imports"' not in page


def sign_in_again(actor):
    """Another window of the same person, by a new password."""
    again = renew_password(email_of(actor))
    desk = browser()
    assert desk.post("/sign-in", {"email": again.email, "password": again.password}).status_code == 302
    return desk, actor
