"""Where plotly's script is, and what a page does so that it keeps to the security policy."""

import functools
import importlib.util
import re
from pathlib import Path

FILE_NAME = "plotly.min.js"
# As it is loaded the script looks for the style of its maps by this name, and inserts it if it is
# not there, which the policy forbids. No map is drawn here: an empty element has its name.
STYLE_NAME = re.compile(rb'getElementById\("([0-9a-f]{64})"\)')


def script_directory():
    """Return the directory with plotly's script. Raises ModuleNotFoundError without plotly."""
    specification = importlib.util.find_spec("plotly")
    if specification is None or specification.origin is None:
        raise ModuleNotFoundError("the package plotly is missing: pip install hpcusage[portal]")
    return Path(specification.origin).parent / "package_data"


SCRIPT_DIRECTORY = script_directory()


@functools.lru_cache(maxsize=1)
def style_names():
    """Return the names of elements that keep the script from inserting styles of its own."""
    content = (SCRIPT_DIRECTORY / FILE_NAME).read_bytes()
    return tuple(dict.fromkeys(name.decode() for name in STYLE_NAME.findall(content)))
