"""Every guard against every role."""

import pytest

PASSWORD = "a very good password"
ACCOUNTS = "[rrg-ash]\nmembers = ann\nmanagers = mia\n[other]\nmembers = bob\n"
PROJECTS = "projects:\n  web:\n    members: [ann]\n"
USERS = ("ann", "bob", "mia", "helper", "staff")

# page -> who sees it; everybody else is refused, and strangers are sent to the login.
PAGES = {
    "/user/": USERS,
    "/owner/ann/": ("ann", "helper", "staff"),
    "/owner/bob/": ("bob", "helper", "staff"),
    "/owner/ANN/": ("helper", "staff"),
    "/account/rrg-ash/": ("ann", "mia", "helper", "staff"),
    "/account/rrg-ash_cpu/": ("ann", "mia", "helper", "staff"),
    "/account/other/": ("bob", "helper", "staff"),
    "/account/none/": ("helper", "staff"),
    "/account/_/": ("helper", "staff"),
    "/project/web/": ("ann", "helper", "staff"),
    "/project/none/": ("helper", "staff"),
    "/helper/": ("helper", "staff"),
    "/staff/": ("staff",),
}


@pytest.fixture
def site(portal, tmp_path):
    """A portal with two accounts, a project and a person for each role."""
    (tmp_path / "accounts.ini").write_text(ACCOUNTS)
    (tmp_path / "projects.yml").write_text(PROJECTS)
    portal.set(
        accounts={"source": "file", "file": tmp_path / "accounts.ini"},
        files={"cloud_projects": tmp_path / "projects.yml"},
        access={"helpers": ("helper",), "staff": ("staff",)},
    )
    for name in USERS:
        portal.user(name, PASSWORD)
    return portal


def logged_in(portal, name):
    """Return the browser of a user."""
    client = portal.client()
    assert client.login(username=name, password=PASSWORD)
    return client


@pytest.mark.parametrize("name", USERS)
def test_who_may_see_what(site, name):
    client = logged_in(site, name)
    seen = {page: client.get(page).status_code for page in PAGES}
    assert seen == {page: 200 if name in names else 403 for page, names in PAGES.items()}


def test_a_stranger_is_sent_to_the_login(site):
    client = site.client()
    for page in PAGES:
        response = client.get(page)
        assert response.status_code == 302
        assert response.headers["Location"] == f"/accounts/login/?next={page}"
    assert client.get("/").status_code == 200


def test_a_disabled_user_is_a_stranger_at_once(site):
    from django.contrib.auth import get_user_model

    client = logged_in(site, "ann")
    get_user_model().objects.filter(username="ann").update(is_active=False)
    assert client.get("/owner/ann/").status_code == 302


def test_members_of_the_group_of_helpers_are_helpers(site):
    from django.contrib.auth import get_user_model
    from django.contrib.auth.models import Group

    bob = get_user_model().objects.get(username="bob")
    client = logged_in(site, "bob")
    assert client.get("/helper/").status_code == 403
    Group.objects.create(name="helpers").user_set.add(bob)
    assert client.get("/helper/").status_code == 200
    assert client.get("/staff/").status_code == 403


def test_a_request_that_changes_hands_changes_its_person(site):
    from django.contrib.auth import get_user_model
    from django.test import RequestFactory

    from userportal.access.roles import person_of

    request = RequestFactory().get("/")
    assert not person_of(request).is_known
    for name in ("staff", "ann"):
        request.user = get_user_model().objects.get(username=name)
        assert person_of(request).username == name
    assert person_of(request).roles == {"user"}


def test_staff_of_django_is_staff(site):
    from django.contrib.auth import get_user_model

    get_user_model().objects.filter(username="bob").update(is_staff=True)
    assert logged_in(site, "bob").get("/staff/").status_code == 200


def test_without_a_list_of_projects_nobody_has_one(site):
    site.set(files={"cloud_projects": None})
    assert logged_in(site, "ann").get("/project/web/").status_code == 403


def test_a_source_that_is_away_lets_nobody_in(site, tmp_path):
    site.set(accounts={"source": "file", "file": tmp_path / "gone.ini"})
    response = logged_in(site, "ann").get("/account/rrg-ash/")
    assert response.status_code == 503
    assert str(tmp_path).encode() not in response.content


def test_the_administration_is_for_staff_of_django(site):
    from django.contrib.auth import get_user_model

    assert logged_in(site, "bob").get("/admin/").status_code == 302
    get_user_model().objects.filter(username="bob").update(is_staff=True, is_superuser=True)
    client = logged_in(site, "bob")
    for page in ("", "records/token/", "records/note/", "records/jobscript/",
                 "records/failedlogin/"):  # fmt: skip
        assert client.get(f"/admin/{page}").status_code == 200
    assert client.get("/admin/records/token/add/").status_code == 403
