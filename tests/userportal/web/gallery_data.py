"""What the gallery shows: a script, findings, a graph, jobs; all made up."""

import datetime
import math

from userportal.analysis.findings import Finding
from userportal.slurm import states
from userportal.web.menu import Shown

SCRIPT = """#!/bin/bash
#SBATCH --time=02:00:00 --ntasks=4
module load gcc/12 openmpi
for step in 1 2 3; do
  srun ./model --step "$step" > "out.$step"  # <b>not bold</b>
done
"""
FINDINGS = [
    Finding("a", "info", "{program} writes to the scratch space.", {"program": "srun"},
            line_number=5, url="https://docs.example.org/scratch"),
    Finding("b", "critical", "Of 4 cores, {used} were used.", {"used": "1.0 <really>"},
            commands=("#SBATCH --ntasks=1",), graph="cpu", url="javascript:alert(1)"),
    Finding("c", "warning", "Much of the memory was not used.", {}, graph="memory"),
]  # fmt: skip
JOBS = 523
FIRST_SUBMIT = 1_795_000_000


def series(end, seconds, names):
    """Return the JSON of a graph over the seconds before end, one series a name."""
    step = max(60, seconds // 500)
    moments = range(end - seconds, end + 1, step)
    x = [utc(moment).strftime("%Y-%m-%d %H:%M:%S") for moment in moments]
    data = [
        {"x": x, "y": [round(4 + place + math.sin(moment / 7200 + place), 3) for moment in moments],
         "type": "scatter", "name": name, "hovertemplate": "%{y:.1f} cores"}
        for place, name in enumerate(names)
    ]  # fmt: skip
    return {"data": data, "layout": {"yaxis": {"title": "Cores", "range": [0, 18]}}}


def utc(moment):
    """Return a datetime of epoch seconds."""
    return datetime.datetime.fromtimestamp(moment, datetime.timezone.utc)


def job(number):
    """Return one job as the API does."""
    submit = FIRST_SUBMIT + number * 600
    label = list(states.LABELS.values())[number % len(states.LABELS)]
    started = label not in ("Pending",)
    return {
        "id_job": 1000 + number, "job_name": f"run <{number}>", "account": "def-birch",
        "username": "ann", "timelimit": 60 * (number % 30 + 1), "get_state_display": label,
        "nodes": ["n1", "n2"], "time_submit": iso(submit), "time_eligible": iso(submit + 5),
        "time_start": iso(submit + 60) if started else None,
        "time_end": iso(submit + 60 + number * 37) if started and label != "Running" else None,
        "elapsed_seconds": number * 37 if started else None,
    }  # fmt: skip


def iso(moment):
    """Return a time as the API writes it."""
    return utc(moment).strftime("%Y-%m-%dT%H:%M:%SZ")


def jobs_answer(query):
    """Return the answer in the protocol of DataTables to a QueryDict."""
    found = [job(number) for number in range(JOBS)]
    wanted = [word for word in query.get("status", "").split(",") if word]
    if wanted:
        found = [one for one in found if one["get_state_display"] in wanted]
    search = query.get("search[value]", "")
    found = [one for one in found if search in one["job_name"]]
    name = query.get(f"columns[{query.get('order[0][column]', '0')}][data]", "id_job")
    found.sort(
        key=lambda one: str(one.get(name) or ""), reverse=query.get("order[0][dir]") == "desc"
    )
    start, length = int(query.get("start", 0)), int(query.get("length", 10))
    return {
        "draw": int(query.get("draw", 0)), "recordsTotal": JOBS, "recordsFiltered": len(found),
        "data": found[start : start + length],
    }  # fmt: skip


def menu(request):
    """Return a menu instead of the portal's, whose modules are not here."""
    titles = ("Summary", "My jobs", "My accounts", "Storage", "Virtual machines", "Nodes")
    return {"menu": [Shown(title, f"/?{title}", title == "My jobs") for title in titles]}
