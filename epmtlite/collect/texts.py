"""Text that came from outside, made safe for terminals, databases and rows."""

import unicodedata

# Control, format (bidi overrides, zero width), surrogate, line and paragraph separators.
UNSAFE_CATEGORIES = ("Cc", "Cf", "Cs", "Zl", "Zp")


def visible(text):
    """Return the text with every character that could disturb a terminal or a line as an escape."""
    return "".join(
        escape(character) if unicodedata.category(character) in UNSAFE_CATEGORIES else character
        for character in str(text)
    )


def escape(character):
    """Return a character as \\xNN, \\uNNNN or \\UNNNNNNNN."""
    number = ord(character)
    if number < 0x100:
        return f"\\x{number:02x}"
    return f"\\u{number:04x}" if number < 0x10000 else f"\\U{number:08x}"


def is_storable(text):
    """Tell whether a text has nothing that storable would change."""
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return "\0" not in text


def storable(text):
    """Return a text as databases hold it: bytes that are not UTF-8 (PEP 383), other surrogates,
    and NUL, become \\xNN or \\uNNNN."""
    if is_storable(text):
        return text
    return "".join(
        f"\\x{ord(character) - 0xDC00:02x}"
        if "\udc80" <= character <= "\udcff"
        else escape(character)
        if character == "\0" or "\ud800" <= character <= "\udfff"
        else character
        for character in text
    )
