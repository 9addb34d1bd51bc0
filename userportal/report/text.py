"""The report of jobs as text of 80 columns for a terminal or a mail."""

from userportal.report import sections

# Parts of 1 below which a meter is red; the rules' thresholds take their place.
RED = {"cpu": 0.65, "gpu": 0.15}
THRESHOLDS = {"cpu": "cpu_low", "gpu": "gpu_low"}


def report(facts, findings=(), colour=False, show_script=False, rules=None, zone=None):
    """Return the report of one job, with a newline at its end.

    findings are those of userportal.analysis; rules the Rules whose thresholds make a meter red;
    zone a tzinfo for the start, by default the machine's. colour is the caller's to decide.
    Control characters of names, scripts and notes are made visible.
    """
    lines = [
        sections.RULE,
        *sections.heading("Slurm Job Statistics"),
        *sections.metadata(facts, zone),
        "",
        *sections.heading("Overall Utilization"),
        *sections.meters(facts, red_bounds(rules), colour),
    ]
    details = sections.details(facts, colour)
    if details:
        lines += ["", *sections.heading("Detailed Utilization"), *details]
    if show_script:
        lines += ["", *sections.heading("Batch Script"), *sections.script(facts.script)]
    if findings:
        lines += ["", *sections.heading("Notes"), *sections.notes(findings, colour)]
    return "\n".join(lines) + "\n"


def reports(jobs, **options):
    """Return the reports of several jobs, pairs of Facts and findings, one below the other."""
    return "\n".join(report(facts, findings, **options) for facts, findings in jobs)


def red_bounds(rules):
    """Return {"cpu": part of 1, "gpu": part of 1} below which a meter is red."""
    if rules is None:
        return RED
    return {name: rules.threshold(threshold) for name, threshold in THRESHOLDS.items()}
