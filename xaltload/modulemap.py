"""From the path of an executable or library to the module that it belongs to: the reverse map.

Lmod's spider makes the map, from directories to modules: xalt_rmapT.json, in older versions
jsonReverseMapT.json.
"""

import functools
import json
import logging
import posixpath
from pathlib import Path

from usagedb import errors

logger = logging.getLogger(__name__)

# The names in the order in which they are looked for; the older form only if none of the first is
# in any directory.
NAMES = (
    ("xalt_rmapT.json", "xalt_rmapT.old.json"),
    ("jsonReverseMapT.json", "jsonReverseMapT.old.json"),
)
DEFAULT_FLAVOR = "default"
CACHED_DIRECTORIES = 200_000


class ModuleMap:
    """Finds the module of a path: that of the deepest directory above it that the map has."""

    def __init__(self, modules=None):
        """modules maps directories to the names of modules."""
        self._modules = modules or {}
        self._of_directory = functools.lru_cache(CACHED_DIRECTORIES)(self._look_up)

    def module_of(self, path):
        """Return the name of the module that a path belongs to, or None."""
        return self._of_directory(posixpath.dirname(path)) if self._modules else None

    def names(self):
        """Return the names of all modules."""
        return set(self._modules.values())

    def _look_up(self, directory):
        while directory not in ("", "/"):
            if directory in self._modules:
                return self._modules[directory]
            parent = posixpath.dirname(directory)
            if parent == directory:
                break
            directory = parent
        return None


def read_module_map(directories):
    """Return the ModuleMap found first in some directories; an empty one, with a warning, if none.

    Raises MissingInputError for a map that cannot be read.
    """
    for names in NAMES:
        for directory in directories:
            for name in names:
                path = Path(directory, name)
                if path.is_file():
                    return ModuleMap(read_map(path))
    if directories:
        logger.warning("no reverse map in %s: no module is known", ", ".join(directories))
    return ModuleMap()


def read_map(path):
    """Return {directory: module} of one file, of either form. Raises MissingInputError."""
    try:
        value = json.loads(path.read_text(encoding="utf-8", errors="backslashreplace"))
        entries = value["reverseMapT"].items()
    except (OSError, ValueError, RecursionError, KeyError, TypeError, AttributeError) as error:
        raise errors.MissingInputError(f"{path} is no reverse map: {error!r}") from error
    named = ((directory.rstrip("/"), name_of(entry)) for directory, entry in entries)
    return {directory: name for directory, name in named if name}


def name_of(entry):
    """Return the module of an entry; in the older form with its flavor: hdf5/1.8(gcc/9)."""
    if isinstance(entry, str):
        return entry
    if not isinstance(entry, dict) or not isinstance(entry.get("pkg"), str):
        return ""
    flavors = entry.get("flavor")
    flavor = flavors[0] if isinstance(flavors, list) and flavors else ""
    if not isinstance(flavor, str):
        return entry["pkg"]
    flavor = flavor.removeprefix(DEFAULT_FLAVOR).removeprefix(":") if is_default(flavor) else flavor
    return f"{entry['pkg']}({flavor})" if flavor else entry["pkg"]


def is_default(flavor):
    """Tell whether a flavor is the default one, perhaps with more behind a colon."""
    return flavor.split(":", 1)[0] == DEFAULT_FLAVOR
