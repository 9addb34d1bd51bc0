"""Make one HTML page out of the data of jobs: it needs no server, and nothing in it is run but its
own script."""

import base64
import hashlib
import html
import importlib.resources
import itertools
import json
import re

from epmtlite.plot.palette import chosen_programs

TEMPLATE, STYLE = "page.html", "page.css"
# Put one behind the other, in this order, inside of one function.
SCRIPTS = (
    "common.js", "job.js", "timeline.js", "overview.js", "pointer.js", "tables.js", "tree.js",
    "compare.js", "outliers.js", "head.js", "start.js",
)  # fmt: skip
# In JSON they stand in texts only, where an escape means the same: no text can end the element
# that the data are in, nor begin a comment there.
ESCAPES = {"<": "\\u003c", ">": "\\u003e", "&": "\\u0026"}


def chunks(jobs, title, outliers=None):
    """Yield the texts, in ASCII, that make the page together.

    jobs are what data.job_data returns, of one job or several; outliers is what
    comparison.compared returns, if they are to be marked.
    """
    parts = {
        "title": [html.escape(title).encode("ascii", "xmlcharrefreplace").decode()],
        "policy": [policy(style(), script())],
        "style": [style()],
        "data": data_chunks(jobs, outliers),
        "script": [script()],
    }
    pieces = re.split(f"@({'|'.join(parts)})@", packaged(TEMPLATE))
    for number, piece in enumerate(pieces):  # every second one is the name of a part
        yield from parts[piece] if number % 2 else [piece]


def packaged(name):
    """Return the text of a file of this package."""
    return importlib.resources.files(__package__).joinpath(name).read_text("utf-8")


def style():
    """Return the style sheet as it stands in the page."""
    return packaged(STYLE)


def script():
    """Return the script as it stands in the page."""
    body = "\n".join(map(packaged, SCRIPTS))
    return '(() => {\n"use strict";\n' + body + "\n})();\n"


def policy(style_text, script_text):
    """Return the Content-Security-Policy of the page: this style and script and nothing else, from
    nowhere else."""
    return (
        f"default-src 'none'; script-src '{digest(script_text)}'; style-src '{digest(style_text)}';"
        " base-uri 'none'; form-action 'none'"
    )


def digest(text):
    """Return what stands for a text in a policy."""
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def data_chunks(jobs, outliers):
    """Yield the data of the page as JSON, a column at a time."""
    yield from object_chunks(
        {
            "palette": chosen_programs(jobs),
            "outliers": outliers,
            "jobs": [job_without_columns(job) for job in jobs],
        },
        end="",
    )
    yield ',"columns":['
    for number, job in enumerate(jobs):
        yield "," if number else ""
        yield from object_chunks(job.get("columns", {}))
    yield "]}"


def object_chunks(values, end="}"):
    """Yield a dictionary as JSON, value by value; end is what comes last."""
    for separator, (key, value) in zip(itertools.chain("{", itertools.repeat(",")), values.items()):
        yield f"{separator}{encoded(key)}:{encoded(value)}"
    yield end if values else "{" + end


def job_without_columns(job):
    """Return the data of a job without the lists of its processes."""
    return {key: value for key, value in job.items() if key != "columns"}


def encoded(value):
    """Return a value as JSON in ASCII that can stand in an element of HTML."""
    text = json.dumps(value, separators=(",", ":"), allow_nan=False)
    return text.translate({ord(key): escape for key, escape in ESCAPES.items()})
