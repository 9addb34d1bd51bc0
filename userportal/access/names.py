"""What can be the name, the uid and the full name of a person."""

import re

# What stands in URLs, too: nothing that means something to a shell, a path or a filter.
NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.@+\-]{0,63}", re.ASCII)
NUMBER = re.compile(r"[0-9]{1,10}", re.ASCII)
MOST_UID = 2**32 - 2
LONGEST_TEXT = 200


def is_username(text) -> bool:
    """Tell whether a text can be the name of a user, an account or a group."""
    return isinstance(text, str) and bool(NAME.fullmatch(text))


def is_uid(number) -> bool:
    """Tell whether a number can be a user's uid."""
    return isinstance(number, int) and not isinstance(number, bool) and 0 <= number <= MOST_UID


def is_number(text) -> bool:
    """Tell whether a text is a number that can be a uid."""
    return bool(NUMBER.fullmatch(text))


def full_name(gecos, username) -> str:
    """Return the full name in a field of passwd(5): its first part, & is the name of the user."""
    return gecos.partition(",")[0].replace("&", username.capitalize())


def shown_text(text) -> str:
    """Return a text without control characters and without what is not Unicode, bounded."""
    text = text[:LONGEST_TEXT].encode("utf-8", "surrogateescape").decode("utf-8", "replace")
    return " ".join("".join(letter if letter.isprintable() else " " for letter in text).split())
