"""Text that came from outside, made safe for a terminal."""

import os
import unicodedata

# Control, format (bidi overrides, zero width), surrogate, line and paragraph separators.
UNSAFE_CATEGORIES = {"Cc", "Cf", "Cs", "Zl", "Zp"}


def visible(text):
    """Return the text with every character that could disturb a terminal or a line as an escape.

    A TAB or newline, an escape sequence, or a bidirectional override becomes \\x1b or \\u202e.
    """
    text = str(text)
    if text.isascii() and text.isprintable():
        return text
    return "".join(
        escape(character) if unicodedata.category(character) in UNSAFE_CATEGORIES else character
        for character in text
    )


def escape(character):
    """Return a character as \\xNN or \\uNNNN."""
    number = ord(character)
    if number < 0x100:
        return f"\\x{number:02x}"
    return f"\\u{number:04x}" if number < 0x10000 else f"\\U{number:08x}"


def stored_text(raw):
    """Return bytes from a log or record as text for the database.

    NUL and bytes that are not UTF-8 become \\xNN, since no database stores them in text.
    """
    return raw.decode("utf-8", "backslashreplace").replace("\0", "\\x00")


def stored_path(path, most_characters=255):
    """Return the end of a path as text for the database, as stored_text does it: any user can give
    a file a name that is not UTF-8."""
    return stored_text(os.fsencode(path))[-most_characters:]
