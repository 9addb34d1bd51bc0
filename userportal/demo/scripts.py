"""The scripts of the made-up jobs, and how they were handed to sbatch."""

import datetime

from userportal.demo.jobs import NO_VALUE


def script_of(request):
    """Return the text of a job's script."""
    application = request.application
    lines = ["#!/bin/bash", *options(request), "", f"module load {' '.join(application.modules)}"]
    lines += application.before
    lines.append(application.command.format(cores=request.cores))
    return "\n".join(lines) + "\n"


def options(request):
    """Return the #SBATCH lines of a script."""
    hours, minutes = divmod(request.limit_minutes, 60)
    found = {
        "account": request.account,
        "job-name": request.name,
        "partition": request.behaviour.partition,
        "time": f"{hours:02}:{minutes:02}:00",
        "nodes": request.node_count,
    }
    if request.node_count > 1:
        found["ntasks-per-node"] = request.cores
    else:
        found["cpus-per-task"] = request.cores
    found["mem"] = f"{request.memory_mib}M"
    if request.gpus:
        gres = f"{request.gpu_gres}:" if request.gpu_gres else ""
        found["gpus-per-node"] = f"{gres}{request.gpus}"
    return [f"#SBATCH --{name}={value}" for name, value in found.items()]


def submit_line(request, ids):
    """Return the command that submitted a job; ids: {number of a request: (job id, array id)}."""
    words = ["sbatch"]
    if request.after is not None:
        words.append(f"--dependency=afterany:{ids[request.after][0]}")
    if request.task != NO_VALUE:
        limit = f"%{request.array_limit}" if request.array_limit else ""
        words.append(f"--array=0-{request.array_size - 1}{limit}")
    if request.behaviour.requeue:
        words.append("--requeue")
    if request.begin:
        moment = datetime.datetime.fromtimestamp(request.begin, datetime.timezone.utc)
        words.append(f"--begin={moment:%Y-%m-%dT%H:%M:%S}")
    if request.seed % 29 == 0:
        words.append("--exclude=c001")
    return " ".join([*words, f"{request.name}.sh"])


def work_directory(request):
    """Return the directory that a job was submitted from."""
    return f"/scratch/{request.user}/{request.name.partition('_')[0]}"
