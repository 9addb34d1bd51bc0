"""Which names no metric can have: those of what is known of jobs and processes besides."""

# Sums of metrics stand beside these in the dictionaries of jobs, processes, threads, operations and
# outliers, and conditions have them by their names.
RESERVED = frozenset((
    "all_proc_tags", "analyses", "annotations", "args", "causes", "cluster", "contiguous",
    "cpu_time", "created_at", "day", "depth", "descendants", "duration", "env_changes_dict",
    "env_dict", "exename", "exitcode", "exitsignal", "finish", "gen", "generation", "host",
    "host_id", "hostname", "hosts", "id", "inclusive_cpu_time", "info_dict", "intervals", "job",
    "jobid", "jobname", "metrics_number", "name", "num_procs", "num_runs", "numtids",
    "op_duration_method", "outlier", "parent", "parent_id", "path", "peak_rss", "pgid", "pid",
    "ppid", "proc_sums", "process_pk", "processes", "sid", "submit", "tags", "tags_number",
    "threads", "threads_sums", "updated_at", "user", "zone",
))  # fmt: skip


def refusal(names):
    """Return why one of some names can be that of no metric, "" if all can be."""
    for name in names:
        if not name.isprintable():
            return f"a metric's name has characters that cannot be printed: {name[:40]!a}"
        if name in RESERVED:
            return f"no metric can have the name {name}, which jobs or processes use"
    return ""
