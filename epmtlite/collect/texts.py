"""Text that came from outside, made safe for terminals, databases and rows."""

import unicodedata

# Control, format (bidi overrides, zero width), surrogate, line and paragraph separators.
UNSAFE_CATEGORIES = ("Cc", "Cf", "Cs", "Zl", "Zp")
SURROGATES = {number: f"\\u{number:04x}" for number in range(0xD800, 0xE000)}
BYTES = {0xDC00 + byte: f"\\x{byte:02x}" for byte in range(0x80, 0x100)}  # as PEP 383 has them
STORABLE = {0: "\\x00", **SURROGATES, **BYTES}


class Escapes(dict):
    """What str.translate makes of unsafe characters."""

    def __missing__(self, number):
        if unicodedata.category(chr(number)) not in UNSAFE_CATEGORIES:
            raise LookupError(number)  # it stays
        return escape(chr(number))


def visible(text):
    """Return the text with every character that could disturb a terminal or a line as an escape."""
    text = str(text)
    return text if text.isprintable() else text.translate(Escapes())


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
    return text if is_storable(text) else text.translate(STORABLE)
