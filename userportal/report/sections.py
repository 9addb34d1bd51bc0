"""The sections of a job's text report, each a list of lines, without controls from outside."""

from usagedb.terminal import visible
from userportal.analysis import amounts, figures
from userportal.report.schema import moment_of
from userportal.report.style import BOLD_RED, OF_SEVERITY, RED, styled
from userportal.report.width import centred, right, wrapped

COLUMNS = 80
RULE = "=" * COLUMNS
LABEL_COLUMNS = 16
METER_COLUMNS = 50
NOTE_COLUMNS = 78
MAXIMUM_SCRIPT_LINES = 100_000
SIZE_UNITS = ("B", "KB", "MB", "GB", "TB", "PB")  # in steps of 1,024, as in Slurm's options
DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
MONTHS = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec"  # four characters each
FAULTS = {
    figures.MISSING: "unknown: not measured, or not on all nodes",
    figures.ABOVE: "unknown: more was measured than the job had",
    figures.ZERO: "unknown: the job had nothing of it",
}


def heading(title):
    """Return the lines of a section's title."""
    return [centred(title, COLUMNS), RULE]


def size(value):
    """Return bytes as 1.6GB; ? if unknown."""
    return "?" if value is None else amounts.size(value, SIZE_UNITS, "")


def duration(value):
    """Return seconds as [D-]HH:MM:SS; ? if unknown."""
    return "?" if value is None else amounts.duration(value)


def metadata(facts, zone):
    """Return the lines of what the scheduler knows; a line of what is unknown is left out."""
    values = {
        "Job ID": job_label(facts),
        "User/Account": joined(facts.user, facts.account),
        "Job Name": facts.name,
        "State": facts.state,
        "Nodes": facts.node_count,
        "CPU Cores": facts.cores,
        "CPU Memory": memory(facts),
        "GPUs": gpus(facts),
        "QOS/Partition": joined(facts.qos, facts.partition),
        "Cluster": facts.cluster,
        "Start Time": moment(facts.start_seconds, zone),
        "Run Time": run_time(facts),
        "Time Limit": "UNLIMITED" if facts.is_unlimited else limit(facts.time_limit_seconds),
        "Energy": energy(facts.energy_kwh),
    }
    return [
        f"{right(label + ':', LABEL_COLUMNS)} {visible(value)}"
        for label, value in values.items()
        if value not in (None, "")
    ]


def job_label(facts):
    """Return the job's id, and of an array's task its place in the array, or None."""
    if facts.array_job_id is None or facts.array_task_id is None:
        return facts.job_id
    return f"{facts.job_id} ({facts.array_job_id}_{facts.array_task_id})"


def joined(one, other):
    """Return two names with / between them, None if both are unknown."""
    return None if one is None and other is None else f"{one or '?'}/{other or '?'}"


def memory(facts):
    """Return the memory, and that of each core; None if it is unknown."""
    given = facts.memory_given_bytes
    if given is None:
        return None
    per_core = facts.memory_per_core_bytes
    return size(given) + (f" ({size(per_core)} per CPU-core)" if per_core else "")


def gpus(facts):
    """Return the number of GPUs and their model, None for a job without."""
    if not facts.gpus:
        return None
    return f"{facts.gpus} ({facts.gpu_model})" if facts.gpu_model else facts.gpus


def moment(seconds, zone):
    """Return an epoch as Tue Oct 29, 2024 at 10:35 AM, None for none."""
    at = moment_of(seconds)
    if at is None:
        return None
    at = at.astimezone(zone)
    day = f"{DAYS[at.weekday()]} {MONTHS[4 * at.month - 4 :][:3]} {at.day}, {at.year}"
    return f"{day} at {at.hour % 12 or 12}:{at.minute:02d} {'AM' if at.hour < 12 else 'PM'}"


def run_time(facts):
    """Return how long it ran, and whether it still does; None if it is unknown."""
    if facts.elapsed_seconds is None:
        return None
    return duration(facts.elapsed_seconds) + (" (in progress)" if facts.is_running else "")


def limit(seconds):
    """Return a time limit, None for none that is known."""
    return None if seconds is None else duration(seconds)


def energy(kwh):
    """Return an energy, None if it is unknown."""
    return None if kwh is None else f"{amounts.number(kwh)} kWh"


def meters(facts, red, colour):
    """Return the lines of the meters. red: {"cpu": part of 1, "gpu": part of 1}."""
    has_gpus = bool(facts.gpus or facts.all_gpus)
    lines = [
        meter("CPU utilization", facts.cpu_seconds_used, facts.cpu_seconds_given,
              None if has_gpus else red["cpu"], colour),
        meter("CPU memory usage", facts.memory_used_bytes, facts.memory_given_bytes, None, colour),
    ]  # fmt: skip
    if has_gpus:
        used = figures.mean(facts.of_gpus(lambda gpu: gpu.utilization_percent))
        lines += [
            meter("GPU utilization", used, 100, red["gpu"], colour),
            meter("GPU memory usage", facts.gpu_memory_used_bytes, facts.gpu_memory_given_bytes,
                  None, colour),
        ]  # fmt: skip
    return lines


def meter(label, used, given, red, colour):
    """Return one line with a bar of the used part, or with why there is none.

    It is red below the part of 1 that red is; None: never.
    """
    label = f"  {label:<16} "
    fault = figures.fault(used, given)
    if fault:
        return label + FAULTS[fault]
    ratio = figures.part(used, given)
    percent = round(100 * ratio)
    text = f"{percent}%"
    bars = "|" * min(percent // 2, METER_COLUMNS - len(text))
    bar = f"[{bars}{text:>{METER_COLUMNS - len(bars)}}]"
    return label + styled(bar, RED if red is not None and ratio < red else "", colour)


def details(facts, colour):
    """Return the lines of what was measured on each node, [] if nothing was."""
    blocks = []
    if facts.nodes:
        blocks = [cpu_of_nodes(facts), memory_of_nodes(facts)]
    if facts.all_gpus:
        blocks += [use_of_gpus(facts, colour), memory_of_gpus(facts)]
    if facts.applications:
        blocks.append(programs(facts.applications))
    return [
        line for number, block in enumerate(blocks) for line in ([""] if number else []) + block
    ]


def cpu_of_nodes(facts):
    """Return the lines of the CPU time of each node."""
    lines = ["  CPU utilization per node (CPU time used/run time)"]
    for node in facts.nodes:
        given = figures.product(node.cores, facts.elapsed_seconds)
        part = efficiency(node.cpu_efficiency(facts.elapsed_seconds))
        lines.append(
            f"      {visible(node.name)}: {duration(node.cpu_seconds)}/{duration(given)} ({part})"
        )
    if len(facts.nodes) > 1:
        lines.append(
            f"  Total used/runtime: {duration(facts.cpu_seconds_used)}/"
            f"{duration(facts.cpu_seconds_given)} ({efficiency(facts.cpu_efficiency)})"
        )
    return lines


def efficiency(ratio):
    """Return a part of 1 as efficiency=25.0%."""
    return "efficiency=?" if ratio is None else f"efficiency={100 * ratio:.1f}%"


def memory_of_nodes(facts):
    """Return the lines of the memory of each node."""
    lines = ["  CPU memory usage per node - used/allocated"]
    for node in facts.nodes:
        use = memory_use(node.memory_used_bytes, node.memory_total_bytes, node.cores)
        lines.append(f"      {visible(node.name)}: {use}")
    if len(facts.nodes) > 1:
        cores = figures.total(node.cores for node in facts.nodes)
        use = memory_use(facts.memory_used_bytes, facts.memory_given_bytes, cores)
        lines.append(f"  Total used/allocated: {use}")
    return lines


def memory_use(used, given, cores):
    """Return 1.6GB/16GB (409.6MB/4GB per core of 4)."""
    text = f"{size(used)}/{size(given)}"
    if not cores:
        return text
    of_core = f"{size(figures.quotient(used, cores))}/{size(figures.quotient(given, cores))}"
    return f"{text} ({of_core} per core of {cores})"


def use_of_gpus(facts, colour):
    """Return the lines of the utilization of each GPU; one that was never used stands out."""
    lines = ["  GPU utilization per node"]
    for node in facts.nodes:
        for gpu in node.gpus or ():
            percent = "?" if gpu.utilization is None else f"{gpu.utilization_percent:.1f}%"
            flag = styled("  <-- not used", BOLD_RED, colour) if gpu.utilization == 0 else ""
            lines.append(f"      {gpu_label(node, gpu)}: {percent}{flag}")
    return lines


def memory_of_gpus(facts):
    """Return the lines of the memory of each GPU."""
    lines = ["  GPU memory usage per node - maximum used/total"]
    for node in facts.nodes:
        for gpu in node.gpus or ():
            part = gpu.memory_efficiency
            percent = "" if part is None else f" ({100 * part:.1f}%)"
            use = f"{size(gpu.memory_used_bytes)}/{size(gpu.memory_total_bytes)}{percent}"
            lines.append(f"      {gpu_label(node, gpu)}: {use}")
    return lines


def gpu_label(node, gpu):
    """Return the name of a GPU."""
    return f"{visible(node.name)} (GPU {visible(gpu.index)})"


def programs(applications):
    """Return the lines of the cores that each program used, most first."""
    ordered = sorted(applications.items(), key=lambda item: (-(item[1] or 0), item[0]))
    return ["  Cores used by each program"] + [
        f"      {visible(path.rpartition('/')[2] or path)}: "
        f"{'?' if cores is None else amounts.number(cores)}"
        for path, cores in ordered
    ]


def script(text):
    """Return the lines of the script, or that there is none."""
    if text is None:
        return ["The script is not stored."]
    lines = text.rstrip("\n").split("\n", MAXIMUM_SCRIPT_LINES)[:MAXIMUM_SCRIPT_LINES]
    return [visible(line.rstrip("\r").expandtabs(8)) for line in lines]


def notes(findings, colour):
    """Return the lines of the findings: each wrapped, its commands and its address below it."""
    lines = []
    for finding in findings:
        text = (f"Line {finding.line_number}: " if finding.line_number else "") + finding.text
        style = OF_SEVERITY.get(finding.severity, "")
        wrap = wrapped(visible(text), NOTE_COLUMNS, "  * ", "    ")
        lines += [styled(line, style, colour) for line in wrap]
        for command in (*finding.commands, *([finding.url] if finding.url else ())):
            lines.append(f"      {visible(command)}")
    return lines
