"""Find what the tools register: entry points of the installed package, or of a bare clone."""

from pathlib import Path


def registered(group):
    """Return {name: object} of an entry point group, by name.

    Read from the installed package, or in a bare clone from its setup.cfg. A tool whose libraries
    are not installed must be importable all the same: it imports them when it is used.
    """
    from importlib.metadata import EntryPoint, entry_points

    groups = entry_points()
    if hasattr(groups, "select"):
        points = list(groups.select(group=group))
    else:  # Python 3.9
        points = list(groups.get(group, ()))
    if not points:
        named = points_of_checkout(group)
        points = [EntryPoint(name=name, value=value, group=group) for name, value in named]
    return {point.name: point.load() for point in sorted(points, key=lambda point: point.name)}


def points_of_checkout(group):
    """Return (name, target) of the entry points that setup.cfg of a bare clone names."""
    import configparser

    parser = configparser.ConfigParser()
    parser.read(Path(__file__).parent.parent / "setup.cfg", encoding="utf-8")
    text = parser.get("options.entry_points", group, fallback="")
    pairs = (line.partition("=") for line in text.strip().splitlines())
    return [(name.strip(), target.strip()) for name, _equals, target in pairs]
