"""A job whose user wants a page about it to do something else."""

from tests.epmtlite.made_jobs import made_job, metadata, record

ATTACKS = (
    "</script><script>window.broken=1</script>",
    "<!--<script>",
    '<img src=x onerror="window.broken=1">',
    "\"'`${window.broken=1}\\",
    "a\u2028b\u2029c\u202ed",
    "@script@ @data@ &lt;b&gt; &amp;",
    "javascript:window.broken=1",
    "__proto__",
)


def hostile_job(jobid="100"):
    """Return a MadeJob with ATTACKS in everything that its user can choose."""
    records = []
    for number, attack in enumerate(ATTACKS):
        name = attack.replace("/", "-")
        tag = attack.replace(":", "").replace(";", "")
        records.append(
            record(
                pid=10 + number, ppid=9 + number, start=number * 1_000_000, lasts=100_000_000,
                exename=name, path=f"/bin/{name}", args=attack, tags=f"{tag}:{tag};op:{tag}",
                hostname="n1",
            )
        )  # fmt: skip
    job = made_job(sorted(records, key=lambda one: one.end), jobid=jobid)
    tags = ";".join(f"t{number}:{attack}" for number, attack in enumerate(ATTACKS))
    environment = {"EPMT_JOB_TAGS": tags, "SLURM_JOB_NAME": ATTACKS[0]}
    notes = dict(zip(ATTACKS, ATTACKS))
    changes = {"job_pl_env": environment, "job_el_env": environment, "annotations": notes}
    return job._replace(metadata=metadata(jobid, job_pl_username=ATTACKS[2], **changes))
