"""The machines of the public pages: node, or node:interface, as the configuration names them."""

import dataclasses


@dataclasses.dataclass(frozen=True)
class Machine:
    """A login node or a transfer node."""

    name: str
    interface: str = ""  # the one whose traffic is shown; "": all but the loopback


def machines_of(entries):
    """Return the Machines of a list of the configuration."""
    found = []
    for entry in entries:
        name, _colon, interface = entry.partition(":")
        found.append(Machine(name, interface))
    return found


def machine_named(entries, name):
    """Return the Machine of that name, None if the configuration has none."""
    return next((one for one in machines_of(entries) if one.name == name), None)
