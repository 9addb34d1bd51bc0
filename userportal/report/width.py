"""Columns of a terminal: how wide a text is, and how it is wrapped and padded."""

import unicodedata

WIDE = ("W", "F")
MARKS = ("Mn", "Me")
# Vowels and final consonants of Hangul are drawn into the syllable before them.
JAMO = range(0x1160, 0x1200)


def columns_of(character):
    """Return how many columns a character takes: 0, 1 or 2."""
    if unicodedata.category(character) in MARKS or ord(character) in JAMO:
        return 0
    return 2 if unicodedata.east_asian_width(character) in WIDE else 1


def width(text):
    """Return how many columns a text without control characters takes."""
    return len(text) if text.isascii() else sum(map(columns_of, text))


def right(text, columns):
    """Return a text with blanks before it, so that it ends at a column."""
    return " " * (columns - width(text)) + text


def centred(text, columns):
    """Return a text with blanks before it, so that it stands in the middle."""
    return " " * ((columns - width(text)) // 2) + text


def wrapped(text, columns, first="", following=""):
    """Return the lines of a text, none wider than columns; a longer word is cut.

    first and following are what the first line and the others begin with.
    """
    lines, line, is_empty = [], first, True
    for word in text.split():
        for piece in pieces(word, columns - max(width(first), width(following))):
            gap = "" if is_empty else " "
            if not is_empty and width(line) + width(gap) + width(piece) > columns:
                lines.append(line)
                line, gap = following, ""
            line, is_empty = line + gap + piece, False
    return [*lines, line] if not is_empty else [first.rstrip()]


def pieces(word, columns):
    """Return a word cut into pieces that are not wider than columns, marks with what they mark."""
    if width(word) <= columns:
        return [word]
    found, piece, taken = [], "", 0
    for character in word:
        more = columns_of(character)
        if taken + more > columns and piece:
            found.append(piece)
            piece, taken = "", 0
        piece, taken = piece + character, taken + more
    return [*found, piece]
