"""Elements of HTML. Whatever is not Markup is escaped: names in a database may be hostile."""

import html

from usagedb.terminal import visible

VOID = frozenset(("br", "hr", "img", "input", "link", "meta"))
LINE_ENDS = {"\r": "&#13;", "\n": "&#10;"}


class Markup(str):
    """Text that is HTML already."""

    __slots__ = ()


def text(value):
    """Return a text as Markup: what could disturb who reads it, as bidi overrides, is escapes."""
    return Markup(html.escape(visible(value)))


def attribute(value):
    """Return a text as it stands between the quotes of an attribute, every character kept."""
    escaped = html.escape(str(value))
    for character, escape in LINE_ENDS.items():
        escaped = escaped.replace(character, escape)
    return escaped


def joined(*children):
    """Return children as Markup, one behind the other; None and False are nothing, what is no
    Markup is escaped, and lists and generators are taken apart."""
    return Markup("".join(map(one, children)))


def one(child):
    """Return a child as Markup."""
    if child is None or child is False:
        return ""
    if isinstance(child, Markup):
        return child
    if isinstance(child, str) or not hasattr(child, "__iter__"):
        return text(child)
    return joined(*child)


def tag(name, /, *children, **attributes):
    """Return an element. An underscore at the end of the name of an attribute is dropped, as in
    class_, others are hyphens; None and False leave it out, True gives it no value."""
    parts = [name]
    for key, value in attributes.items():
        if value is None or value is False:
            continue
        key = key.rstrip("_").replace("_", "-")
        parts.append(key if value is True else f'{key}="{attribute(value)}"')
    opened = f"<{' '.join(parts)}>"
    return Markup(opened if name in VOID else f"{opened}{joined(*children)}</{name}>")
