"""Texts of jobs as they are shown: short, and without what could disturb who reads them."""

from usagedb.terminal import visible

NAME_LENGTH = 80
TAG_LENGTH = 160
ARGUMENTS_LENGTH = 240
MARK = "\N{HORIZONTAL ELLIPSIS}"


def shown(text, length=TAG_LENGTH):
    """Return a text of at most `length` characters, cut in the middle, control characters and the
    like as escapes."""
    text = str(text)
    if len(text) <= length:
        return visible(text)
    tail = (length - 1) // 2
    return visible(text[: length - 1 - tail]) + MARK + visible(text[-tail:])


class Table:
    """Different texts, each with a number from 0."""

    def __init__(self):
        self.texts: list = []
        self._numbers: dict = {}

    def number(self, text):
        """Return the number of a text."""
        number = self._numbers.get(text)
        if number is None:
            number = self._numbers[text] = len(self.texts)
            self.texts.append(text)
        return number
