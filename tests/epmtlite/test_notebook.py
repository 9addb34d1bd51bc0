"""epmt notebook: the notebook runs through on any database, and Jupyter gets its arguments."""

import json
import os
import subprocess
import sys

import pytest

from tests.conftest import CHECKOUT, run_command
from tests.epmtlite.made_experiment import SLOW, write_experiment
from tests.epmtlite.made_jobs import epmt, url_of

NOTEBOOK = CHECKOUT / "conf" / "epmt.ipynb"


def run_through(site, tmp_path):
    """Run the notebook on the database of a Site; return the texts of its outputs."""
    nbclient = pytest.importorskip("nbclient", reason="nbclient is not installed")
    nbformat = pytest.importorskip("nbformat", reason="nbformat is not installed")
    pytest.importorskip("pandas", reason="pandas is not installed")
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    environment = {
        **os.environ, "EPMT_DB_URL": url_of(site.config), "PYTHONPATH": str(CHECKOUT),
        "JUPYTER_PLATFORM_DIRS": "1", "IPYTHONDIR": str(tmp_path),
        "JUPYTER_RUNTIME_DIR": str(tmp_path), "MPLCONFIGDIR": str(tmp_path),
    }  # fmt: skip
    client = nbclient.NotebookClient(
        notebook, timeout=600, startup_timeout=600, iopub_timeout=300, kernel_name="python3"
    )
    client.create_kernel_manager()
    client.km.kernel_spec.argv[0] = sys.executable  # the one with our packages, whatever is there
    client.execute(env=environment, cwd=str(tmp_path))
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", ())]
    return [
        output.get("text") or output.get("data", {}).get("text/plain", "") for output in outputs
    ], [output for output in outputs if "image/png" in output.get("data", {})]


def test_it_runs_through_and_finds_the_outlier(sqlite_site, tmp_path):
    sqlite_site.create()
    epmt(sqlite_site, "submit", "-q", *write_experiment(tmp_path / "jobs"))
    texts, pictures = run_through(sqlite_site, tmp_path)
    assert any(f"esm ice - outliers: {SLOW}\n" in text for text in texts)
    assert any("esm ocean - outliers: none\n" in text for text in texts)
    assert any(text.startswith(f"{SLOW} differs most from the others by\n") for text in texts)
    assert any("ocean-0" in text for text in texts)
    assert len(pictures) == 2


def test_it_runs_through_without_any_job(sqlite_site, tmp_path):
    sqlite_site.create()
    texts, pictures = run_through(sqlite_site, tmp_path)
    assert any(text.startswith("There are no jobs yet") for text in texts)
    assert "no four jobs are of one kind\n" in texts and not pictures


def test_it_has_no_outputs_and_no_names_of_a_machine():
    notebook = json.loads(NOTEBOOK.read_text())
    for cell in notebook["cells"]:
        assert not cell.get("outputs") and cell.get("execution_count") is None
    assert set(notebook["metadata"]) == {"kernelspec", "language_info"}


def test_jupyter_gets_a_copy_of_it_and_the_arguments(tmp_path):
    """That of the arguments which Jupyter shows says that it is Jupyter which got them."""
    pytest.importorskip("jupyterlab", reason="JupyterLab is not installed")
    done = run_command("epmt", "notebook", "--", "--version", cwd=tmp_path)
    assert done.returncode == 0 and done.stdout.strip()[0].isdigit(), done.stderr
    copy = tmp_path / "epmt.ipynb"
    assert copy.read_bytes() == NOTEBOOK.read_bytes()
    copy.write_text("mine")
    run_command("epmt", "notebook", "--", "--version", cwd=tmp_path)
    assert copy.read_text() == "mine"
    other = tmp_path / "other.ipynb"
    run_command("epmt", "notebook", "--notebook", other, "--", "--version", cwd=tmp_path)
    assert other.read_bytes() == NOTEBOOK.read_bytes()


def test_a_kernel_is_run_instead(tmp_path):
    pytest.importorskip("ipykernel", reason="ipykernel is not installed")
    done = run_command("epmt", "notebook", "--", "kernel", "--version", cwd=tmp_path)
    assert done.returncode == 0 and not (tmp_path / "epmt.ipynb").exists()


def test_what_cannot_be_is_told(tmp_path):
    done = run_command("epmt", "notebook", "--notebook", "x.txt", cwd=tmp_path)
    assert done.returncode == 2 and done.stderr.startswith("Error: x.txt: the name of a notebook")
    done = run_command("epmt", "notebook", "--notebook", tmp_path / "none" / "x.ipynb")
    assert done.returncode == 74


def test_without_jupyter_it_says_what_to_install(tmp_path):
    """The library is hidden from a Python of its own, as where it is not installed."""
    code = (
        "import importlib.util, sys\n"
        "find = importlib.util.find_spec\n"
        "importlib.util.find_spec = lambda name: None if name == 'jupyterlab' else find(name)\n"
        "from epmtlite import command; command.main(['notebook'])\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, timeout=600,
        env={**os.environ, "PYTHONPATH": str(CHECKOUT)},
    )  # fmt: skip
    assert done.returncode == 78
    assert "pip install 'hpcusage[analysis]'" in done.stderr
