"""The series that Prometheus records by user and account, of ann, bob and some others."""

from tests.userportal.jobstats.little import A100, GIB, MIB

CORES = "slurm_job:{}_core:{}_user_account"
RATES = {"lustre_job_read_bytes_total": 6 * MIB, "lustre_job_write_bytes_total": 2 * MIB}


def write(samples):
    """Write them, and those of two GPU models and Lustre that have no recorded ones."""
    for user, account, cores in (
        ("ann", "rrg-ann", 8),
        ("ann", "def-ann", 2),
        ("bob", "rrg-ann", 4),
    ):
        write_recorded(samples, {"user": user, "account": account}, cores)
    write_gpus(samples)
    write_lustre(samples)
    for account, level in (("rrg-ann", 0.5), ("def-ann", 2)):
        samples.constant("slurm_account_levelfs", level, account=account)


def write_recorded(samples, who, cores):
    """Write a user's cores, of which a quarter is used, and 2 GiB of memory each, half used."""
    samples.constant("slurm_job:allocated_core:count_user_account", cores, **who)
    samples.constant("slurm_job:used_core:sum_user_account", cores / 4, **who)
    samples.constant("slurm_job:allocated_memory:sum_user_account", 2 * cores * GIB, **who)
    samples.constant("slurm_job:max_memory:sum_user_account", 1.5 * cores * GIB, **who)
    samples.constant("slurm_job:rss_memory:sum_user_account", cores * GIB, **who)
    for program, share in (("solve", 0.75), ("python3", 0.25)):
        if who["user"] == "ann":
            samples.constant(
                "slurm_job:process_usage:sum_account", cores * share, bin=program,
                account=who["account"],
            )  # fmt: skip


def write_gpus(samples):
    """Write GPUs of ann (three, of a known and an unknown model) and bob (one that is idle)."""
    for user, gpu, model, watts in (
        ("ann", 0, A100, 300), ("ann", 1, A100, 100), ("ann", 2, "Unheard 9", 80),
        ("bob", 3, A100, 55),
    ):  # fmt: skip
        labels = {"user": user, "account": "rrg-ann", "gpu_type": model}
        samples.constant(
            "slurm_job_power_gpu", watts * 1000, slurmjobid=7, gpu=gpu, instance="g001", **labels
        )
    for user, number, used, not_idle in (("ann", 3, 1.75, 3), ("bob", 1, 0, 0)):
        labels = {"user": user, "account": "rrg-ann"}
        samples.constant("slurm_job:allocated_gpu:count_user_account", number, **labels)
        samples.constant("slurm_job:used_gpu:sum_user_account", used, gpu_type=A100, **labels)
        if not_idle:
            samples.constant("slurm_job:non_idle_gpu:sum_user_account", not_idle, **labels)


def write_lustre(samples):
    """Write what the jobs of ann and bob read, write and open."""
    for job_id, user in ((1, "ann"), (2, "ann"), (3, "bob")):
        labels = {"jobid": job_id, "user": user, "account": "rrg-ann", "fs": "scratch"}
        for name, per_second in RATES.items():
            samples.growing(name, per_second, component="ost", target="scratch-OST0001", **labels)
        for operation, per_second in (("open", 3), ("close", 0)):
            samples.growing("lustre_job_stats_total", per_second, component="mdt",
                            operation=operation, target="scratch-MDT0000", **labels)  # fmt: skip
