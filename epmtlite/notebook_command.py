"""The command epmt notebook: JupyterLab with a notebook that asks the database."""

import importlib.util
import os
import sys
from pathlib import Path

from epmtlite.analysis.errors import MissingLibrary
from epmtlite.collect import errors
from usagedb.files import conf_file, new_file_mode, whole_file

NAME = "epmt.ipynb"
KERNEL = "kernel"


def run(options):
    """Start JupyterLab in the place of this process, on a notebook that is made if it is not there.

    With the word kernel behind -- an IPython kernel. Raises MissingLibrary.
    """
    if options.arguments[:1] == [KERNEL]:
        become("ipykernel_launcher", options.arguments[1:])
    path = notebook(options.notebook)
    become("jupyterlab", [str(path), *options.arguments])


def notebook(name):
    """Return the path of the notebook; one that is not there becomes a copy of that of conf/.

    Raises WriteError or RefusedError, UsageError for a name that is not that of a notebook.
    """
    path = Path(name)
    if path.suffix != ".ipynb":
        raise errors.UsageError(f"{name}: the name of a notebook ends in .ipynb")
    if not path.exists():
        with whole_file(path, new_file_mode()) as file:
            file.write(conf_file(NAME).read_bytes())
    return path


def become(module, arguments):
    """Run a module with this Python in the place of this process. Raises MissingLibrary."""
    if importlib.util.find_spec(module) is None:
        raise MissingLibrary("JupyterLab is not installed: pip install 'hpcusage[analysis]'")
    sys.stdout.flush()
    sys.stderr.flush()
    os.execv(sys.executable, [sys.executable, "-m", module, *arguments])
