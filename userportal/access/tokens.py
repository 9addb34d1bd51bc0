"""Tokens with which programs use the API: only their digests are stored."""

import datetime
import hashlib
import re
import secrets

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy
from rest_framework import authentication, exceptions, permissions

from usagedb import errors
from userportal.access.given_roles import renew_roles
from userportal.access.scopes import SCOPES
from userportal.access.throttle import note_wrong_token
from userportal.records.models import Token

TOKEN_BYTES = 20  # forty hexadecimal digits, the form that clients have always seen
TEXT = re.compile(r"[A-Za-z0-9_\-]{32,128}", re.ASCII)  # of tokens that other portals made, too
USED_SECONDS = 3600  # last_used_at is written at most so often
MOST_DESCRIPTION = 255


def make_token(user, scopes=SCOPES, days=None, description="") -> str:
    """Make a token for a user and return its text, which is never shown again.

    `scopes` are of SCOPES; it ends after `days`, or never. Commits.
    Raises UsageError for scopes that there are not.
    """
    text = secrets.token_hex(TOKEN_BYTES)
    store(user, text, scopes, days, description)
    return text


def adopt_token(user, text, scopes=SCOPES, days=None, description="") -> Token:
    """Store the digest of a token that clients have already, and return the Token. Commits.

    A token of that text that the user has already gets the scopes, the end and the description.
    Raises UsageError if it is too short to be safe, another user's, or for unknown scopes.
    """
    if not TEXT.fullmatch(text):
        raise errors.UsageError("a token has 32 to 128 letters, digits, - and _")
    return store(user, text, scopes, days, description)


def store(user, text, scopes, days, description):
    """Write the row of a token and return it."""
    unknown = sorted(set(scopes) - set(SCOPES))
    if unknown or not scopes:
        raise errors.UsageError(f"scopes are of {', '.join(SCOPES)}; not: {', '.join(unknown)}")
    values = {
        "scopes": " ".join(name for name in SCOPES if name in scopes),
        "expires_at": timezone.now() + datetime.timedelta(days=days) if days else None,
        "description": description[:MOST_DESCRIPTION],
    }
    token, is_new = Token.objects.get_or_create(
        digest=digest_of(text), defaults={"user": user, **values}
    )
    if token.user_id != user.pk:
        raise errors.UsageError("another user has that token")
    if not is_new:
        Token.objects.filter(pk=token.pk).update(**values)
        token.refresh_from_db()
    return token


def tokens_of(user):
    """Return the Tokens of a user, the newest first."""
    return list(Token.objects.filter(user=user).order_by("-created_at", "-pk"))


def revoke(user, number) -> bool:
    """Remove the token of a user with that number (its pk); tell whether there was one. Commits."""
    return bool(Token.objects.filter(user=user, pk=number).delete()[0])


def revoke_all(user) -> int:
    """Remove all tokens of a user and return how many there were. Commits."""
    return Token.objects.filter(user=user).delete()[0]


def digest_of(text) -> str:
    """Return the digest that stands for a token; its text has too many bits to be guessed."""
    return hashlib.sha256(text.encode()).hexdigest()


def token_of(text):
    """Return the Token of a text if it is good now, else None.

    The look-up is by the index over digests: its time says nothing about a stored token, since
    who asks cannot choose digests.
    """
    if not TEXT.fullmatch(text):
        return None
    now = timezone.now()
    return (
        Token.objects.select_related("user")
        .filter(models.Q(expires_at=None) | models.Q(expires_at__gt=now))
        .filter(digest=digest_of(text), user__is_active=True)
        .first()
    )


def note_use(token):
    """Write down that a token is used, at most once in USED_SECONDS."""
    now = timezone.now()
    before = now - datetime.timedelta(seconds=USED_SECONDS)
    if token.last_used_at is None or token.last_used_at < before:
        Token.objects.filter(pk=token.pk).update(last_used_at=now)


class TokenAuthentication(authentication.BaseAuthentication):
    """`Authorization: Token <text>`; the word in any case. request.auth is the Token."""

    keyword = "Token"
    refused = gettext_lazy("This token is not valid.")

    def authenticate(self, request):
        """Return (user, Token); None if the request has no such header.

        Raises AuthenticationFailed; Throttled after too many wrong tokens of one address. A good
        token is let in all the same, so that nobody keeps out who shares the address.
        """
        words = authentication.get_authorization_header(request).split()
        if not words or words[0].lower() != self.keyword.lower().encode():
            return None
        text = words[1].decode("latin-1") if len(words) == 2 else ""
        token = token_of(text)
        if token is None:
            wait_seconds = note_wrong_token(request)
            if wait_seconds:
                raise exceptions.Throttled(wait_seconds)
            raise exceptions.AuthenticationFailed(self.refused)
        note_use(token)
        renew_roles(token.user)
        return token.user, token

    def authenticate_header(self, request):
        """Return what a refused client is told to send: the answer is 401."""
        return self.keyword


class HasScope(permissions.BasePermission):
    """Lets a token in only where the view's `required_scope` is one of its scopes.

    Sessions have no scopes: what they may, other permission classes say. A view without
    `required_scope` lets no token in.
    """

    def has_permission(self, request, view):
        """Tell whether the request may go on."""
        if not isinstance(request.auth, Token):
            return True
        return getattr(view, "required_scope", None) in request.auth.scopes.split()
