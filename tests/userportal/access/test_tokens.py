"""Tokens of the API: made, adopted, used, refused, revoked."""

import contextlib
import datetime
import hashlib
import io

import hypothesis.strategies as st
import pytest
from hypothesis import given

from usagedb import errors

API = "/api/jobscripts/"


@pytest.fixture
def tokens(portal):
    """The module."""
    from userportal.access import tokens

    return tokens


def ask(portal, header, page=API, **environ):
    """Ask the API with a header Authorization."""
    return portal.client().get(page, HTTP_AUTHORIZATION=header, **environ)


def rows():
    """Return all stored tokens."""
    from userportal.records.models import Token

    return list(Token.objects.order_by("pk"))


@pytest.mark.parametrize("word", ["Token", "token", "TOKEN"])
def test_a_token_acts_for_its_user(portal, tokens, word):
    text = tokens.make_token(portal.user("ann"))
    response = ask(portal, f"{word} {text}")
    assert (response.status_code, response.json()) == (200, {"name": "ann", "person": "ann"})


def test_only_the_digest_is_stored(portal, tokens):
    text = tokens.make_token(portal.user("ann"))
    assert len(text) == 40 and int(text, 16)
    assert [row.digest for row in rows()] == [hashlib.sha256(text.encode()).hexdigest()]
    assert text not in str(rows()[0].__dict__)


@pytest.mark.parametrize(
    "header",
    ["Token", "Token ", "Token wrong", "Token " + "0" * 40, "Token {text}x", "Token {text} x",
     "Token é" + "0" * 40, "Token {digest}", "Token " + "0" * 5000],
)  # fmt: skip
def test_a_wrong_token_gets_401(portal, tokens, header):
    text = tokens.make_token(portal.user("ann"))
    response = ask(portal, header.format(text=text, digest=rows()[0].digest))
    assert (response.status_code, response.headers["WWW-Authenticate"]) == (401, "Token")
    assert response.json() == {"detail": "This token is not valid."}


@pytest.mark.parametrize("header", ["Bearer {text}", "{text}", "Basic {text}", ""])
def test_another_kind_of_header_is_no_token(portal, tokens, header):
    text = tokens.make_token(portal.user("ann"))
    assert ask(portal, header.format(text=text)).status_code == 401


@given(st.text(alphabet=st.characters(max_codepoint=255), max_size=60))
def test_no_text_is_a_token_by_chance(portal, value):
    assert ask(portal, f"Token {value}").status_code in (401, 429)


def test_a_token_is_good_for_its_scopes_alone(portal, tokens):
    user = portal.user("ann")
    assert ask(portal, f"Token {tokens.make_token(user, ['notes'])}").status_code == 403
    assert ask(portal, f"Token {tokens.make_token(user, ['jobscripts'])}").status_code == 200


def test_a_view_without_a_scope_lets_no_token_in(portal, tokens):
    text = tokens.make_token(portal.user("ann", "a password"))
    assert ask(portal, f"Token {text}", "/api/unscoped/").status_code == 403
    client = portal.client()
    client.login(username="ann", password="a password")
    assert client.get("/api/unscoped/").status_code == 200


def test_a_token_is_its_users_though_the_session_is_anothers(portal, tokens):
    text = tokens.make_token(portal.user("ann"))
    portal.user("bob", "a password")
    client = portal.client()
    client.login(username="bob", password="a password")
    found = client.get(API, HTTP_AUTHORIZATION=f"Token {text}").json()
    assert found == {"name": "ann", "person": "ann"}


def test_a_token_ends(portal, tokens):
    from userportal.records.models import Token

    text = tokens.make_token(portal.user("ann"), days=1)
    assert ask(portal, f"Token {text}").status_code == 200
    moment = rows()[0].expires_at
    Token.objects.update(expires_at=moment - datetime.timedelta(days=1, seconds=1))
    assert ask(portal, f"Token {text}").status_code == 401


def test_a_token_of_a_disabled_user_is_refused(portal, tokens):
    user = portal.user("ann")
    text = tokens.make_token(user)
    user.is_active = False
    user.save()
    assert ask(portal, f"Token {text}").status_code == 401


def test_the_last_use_is_written_once_an_hour(portal, tokens):
    from userportal.records.models import Token

    text = tokens.make_token(portal.user("ann"))
    assert rows()[0].last_used_at is None
    ask(portal, f"Token {text}")
    first = rows()[0].last_used_at
    ask(portal, f"Token {text}")
    assert rows()[0].last_used_at == first
    Token.objects.update(last_used_at=first - datetime.timedelta(hours=1, seconds=1))
    ask(portal, f"Token {text}")
    assert rows()[0].last_used_at >= first


def test_wrong_tokens_make_their_address_wait_but_not_the_right_one(portal, tokens):
    portal.set(access={"login_tries": 2})
    text = tokens.make_token(portal.user("ann", "a password"))
    answers = [ask(portal, f"Token {number:040}").status_code for number in range(4)]
    assert answers == [401, 401, 429, 429]
    assert int(ask(portal, "Token x").headers["Retry-After"]) > 0
    assert ask(portal, f"Token {text}").status_code == 200
    assert ask(portal, "Token x", REMOTE_ADDR="192.0.2.1").status_code == 401
    data = {"username": "ann", "password": "a password"}  # nor does it keep people out
    assert portal.client().post("/accounts/login/", data).status_code == 302


def test_adopted_tokens_go_on_working(portal, tokens):
    user, text = portal.user("ann"), "0123456789abcdef" * 2 + "01234567"
    tokens.adopt_token(user, text, ["jobscripts"], description="collector")
    assert ask(portal, f"Token {text}").status_code == 200
    tokens.adopt_token(user, text, ["notes"])
    assert [row.scopes for row in rows()] == ["notes"]
    assert ask(portal, f"Token {text}").status_code == 403


def test_a_token_of_another_user_cant_be_adopted(portal, tokens):
    text = tokens.make_token(portal.user("ann"))
    with pytest.raises(errors.UsageError, match="another user"):
        tokens.adopt_token(portal.user("bob"), text)
    assert [row.user.username for row in rows()] == ["ann"]


@pytest.mark.parametrize(
    "text", ["", "short", "a" * 31, "a" * 129, "é" * 40, "a b" * 20, "a" * 40 + "\n"]
)
def test_a_text_that_is_no_token_cant_be_adopted(portal, tokens, text):
    with pytest.raises(errors.UsageError):
        tokens.adopt_token(portal.user("ann"), text)


@pytest.mark.parametrize("scopes", [[], ["all"], ["jobs", "root"]])
def test_scopes_are_those_that_there_are(portal, tokens, scopes):
    with pytest.raises(errors.UsageError, match="scopes are of"):
        tokens.make_token(portal.user("ann"), scopes)


def test_a_revoked_token_is_refused(portal, tokens):
    ann, bob = portal.user("ann"), portal.user("bob")
    first, second = tokens.make_token(ann), tokens.make_token(ann)
    number = rows()[0].pk
    assert not tokens.revoke(bob, number)
    assert tokens.revoke(ann, number) and not tokens.revoke(ann, number)
    assert ask(portal, f"Token {first}").status_code == 401
    assert ask(portal, f"Token {second}").status_code == 200
    assert tokens.revoke_all(ann) == 1
    assert ask(portal, f"Token {second}").status_code == 401


def manage(*words, **options):
    """Run a command of manage.py and return what it says."""
    from django.core.management import call_command

    out = io.StringIO()
    call_command(*words, stdout=out, **options)
    return out.getvalue()


def test_the_command_makes_a_token_and_says_it_as_ever(portal, tokens):
    portal.user("ann")
    said = manage("drf_create_token", "ann").split()
    assert said[:2] == ["Generated", "token"] and said[3:] == ["for", "user", "ann"]
    assert ask(portal, f"Token {said[2]}").status_code == 200
    again = manage("drf_create_token", "-r", "ann").split()[2]
    assert ask(portal, f"Token {said[2]}").status_code == 401
    assert ask(portal, f"Token {again}").status_code == 200


def test_the_command_knows_its_users(portal):
    from django.core.management import CommandError

    with pytest.raises(CommandError, match="nobody"):
        manage("drf_create_token", "nobody")
    assert rows() == []


@pytest.fixture
def old_table(portal):
    """The table in which tokens stood in clear."""
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute(
            "CREATE TABLE authtoken_token (key varchar(40) PRIMARY KEY, created text, user_id int)"
        )
    yield connection
    with contextlib.suppress(Exception), connection.cursor() as cursor:
        cursor.execute("DROP TABLE authtoken_token")


def test_tokens_of_an_earlier_portal_are_taken_over(portal, old_table):
    ann, text = portal.user("ann"), "ab" * 20
    with old_table.cursor() as cursor:
        cursor.executemany(
            "INSERT INTO authtoken_token VALUES (%s, '2020-01-01', %s)",
            [(text, ann.pk), ("cd" * 20, 999_999), ("short", ann.pk)],
        )
    assert manage("take_over_tokens") == "1 tokens taken over, 2 left out\n"
    assert ask(portal, f"Token {text}").status_code == 200
    assert manage("take_over_tokens", delete=True) == "1 tokens taken over, 2 left out\n"
    assert manage("take_over_tokens") == "0 tokens taken over, 2 left out\n"
    assert ask(portal, f"Token {text}").status_code == 200 and len(rows()) == 1


def test_without_an_earlier_portal_nothing_is_taken_over(portal):
    assert manage("take_over_tokens") == "0 tokens taken over, 0 left out\n"


def test_one_makes_and_revokes_ones_own_tokens_on_a_page(portal, tokens):
    portal.user("ann", "a password")
    theirs = tokens.make_token(portal.user("bob"))
    client = portal.client()
    assert client.get("/accounts/tokens/").status_code == 302
    client.login(username="ann", password="a password")
    page = client.post("/accounts/tokens/", {"scope": ["jobs", "jobscripts", "root"], "days": "7"})
    mine = rows()[-1]
    assert (mine.user.username, mine.scopes) == ("ann", "jobscripts jobs")
    assert mine.expires_at - mine.created_at <= datetime.timedelta(days=7)
    text = page.content.decode().partition("<code>")[2].partition("</code>")[0]
    assert ask(portal, f"Token {text}").status_code == 200
    assert text not in client.get("/accounts/tokens/").content.decode()
    client.post("/accounts/tokens/", {"revoke": str(rows()[0].pk)})
    assert ask(portal, f"Token {theirs}").status_code == 200  # bob's is not ann's to revoke
    client.post("/accounts/tokens/", {"revoke": str(mine.pk)})
    assert ask(portal, f"Token {text}").status_code == 401


def test_a_description_cant_be_markup(portal):
    portal.user("ann", "a password")
    client = portal.client()
    client.login(username="ann", password="a password")
    data = {"scope": "jobs", "description": "<script>alert(1)</script>"}
    assert b"<script>alert" not in client.post("/accounts/tokens/", data).content


def test_cant_have_more_than_so_many_tokens(portal, tokens):
    from userportal.access.views import MOST_TOKENS

    user = portal.user("ann", "a password")
    for _number in range(MOST_TOKENS):
        tokens.make_token(user)
    client = portal.client()
    client.login(username="ann", password="a password")
    client.post("/accounts/tokens/", {"scope": "jobs"})
    assert len(rows()) == MOST_TOKENS


def test_a_role_that_was_withdrawn_is_withdrawn_from_tokens(portal, tokens):
    from userportal.access.given_roles import give_roles
    from userportal.access.roles import person_of_user

    portal.set(access={"staff": ("ann",)})
    user = portal.user("ann")
    give_roles(user)
    text = tokens.make_token(user, ["jobscripts"])
    ask(portal, f"Token {text}")
    user.refresh_from_db()
    assert person_of_user(user).is_staff
    portal.set(access={"staff": ()})
    ask(portal, f"Token {text}")
    user.refresh_from_db()
    assert not person_of_user(user).is_staff


def test_a_role_of_a_token_outlives_a_directory_that_is_away(portal, tokens, ldap_settings):
    from userportal.access.given_roles import give_roles

    portal.set(ldap=ldap_settings, access={"staff_groups": ("operators",)})
    user = portal.user("ann")
    give_roles(user)
    text = tokens.make_token(user, ["jobscripts"])
    changes = (
        ({"ldap": {"url": "ldaps://127.0.0.1:1"}}, True),  # away
        ({"ldap": ldap_settings}, True),
        ({"access": {"staff_groups": ("assistants-of-none",)}}, False),
    )
    for changed, is_staff in changes:
        portal.set(**changed)
        ask(portal, f"Token {text}")
        user.refresh_from_db()
        assert user.is_staff is is_staff, changed


def test_a_role_by_affiliation_holds_for_tokens_some_weeks_after_the_last_login(portal, tokens):
    from django.utils import timezone

    from userportal.access.given_roles import give_roles

    portal.set(access={"methods": ("remote_user",)})
    user = portal.user("ann", last_login=timezone.now())
    give_roles(user, {"staff@example.org"})
    text = tokens.make_token(user, ["jobscripts"])
    for days, is_staff in ((1, True), (29, True), (31, False)):
        user.last_login = timezone.now() - datetime.timedelta(days=days)
        user.save(update_fields=["last_login"])
        ask(portal, f"Token {text}")
        user.refresh_from_db()
        assert user.is_staff is is_staff, days
