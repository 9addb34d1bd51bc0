"""Colours of the terminal, when they are wanted."""

RED, BOLD, END = "\x1b[31m", "\x1b[1m", "\x1b[0m"
BOLD_RED = BOLD + RED
OF_SEVERITY = {"critical": BOLD_RED, "warning": BOLD, "info": ""}


def styled(text, code, colour):
    """Return a text in a style; as it is without colour or style."""
    return f"{code}{text}{END}" if colour and code else text
