"""Look whether every source of a portal answers, and say plainly what will be missing."""

import time

from usagedb import errors
from userportal.access.account_sources import source_for
from userportal.check_result import Check, CheckState, failed, not_set_up, well
from userportal.metrics.expression import any_of, count, metric
from userportal.own_checks import own_checks
from userportal.people import people_for
from userportal.sources import Sources
from userportal.suite.availability import part_available

__all__ = ["Check", "CheckState", "checks"]

# A metric of each exporter by which one sees that its samples come, and what is missing without it.
EXPORTERS = {
    "slurm_job_exporter": ("slurm_job_memory_usage", "cores, memory, threads and GPUs of jobs"),
    "node_exporter": ("node_load1", "network and disks of nodes; login and transfer nodes"),
    "redfish_exporter": ("", "power, energy and cost of jobs"),
    "lustre_exporter": ("lustre_job_stats_total", "the work of jobs and users on Lustre"),
    "slurm_exporter": ("slurm_node_state_info", "nodes, fair-share levels, use of the cluster"),
    "pcm_sensor_server": ("OS_ID", "memory bandwidth, caches, instructions per cycle"),
    "libvirtd_exporter": ("libvirtd_domain_vcpu_time", "virtual machines"),
    "lfs_quota": ("lfs_quota_kbytes", "quotas of Lustre"),
    "gpfs_exporter": ("gpfs_user_used_bytes", "quotas of GPFS"),
    "nvidia_gpu_exporter": ("nvidia_gpu_power_usage_milliwatts", "power of jobs with GPUs"),
}
RECORDED = (
    "slurm_job:allocated_core:count_user_account", "slurm_job:used_core:sum_user_account",
    "slurm_job:allocated_memory:sum_user_account", "slurm_job:used_core:sum",
)  # fmt: skip
PARTS = {
    "lmod": "modules of jobs and users",
    "xalt": "programs and libraries of jobs and users",
    "epmt": "processes of jobs",
}
RECENT_SECONDS = 900
EVERYWHERE = "root"  # whom every machine knows
MOST_ASKED = 50  # names of users: a directory answers one after the other


def checks(configuration):
    """Yield the Checks of all sources of a Configuration. Read-only; raises nothing expected."""
    sources = Sources(configuration)
    yield well("configuration", configuration.source)
    yield from guarded("slurm", lambda: slurm_checks(sources))
    yield from guarded("prometheus", lambda: metrics_checks(sources))
    yield from guarded("accounts", lambda: accounts_checks(configuration, sources))
    yield from guarded("names", lambda: names_checks(configuration, sources))
    yield from part_checks(configuration)
    yield from storage_checks(configuration, sources)
    yield from guarded("own tables", lambda: own_checks(configuration))


def guarded(source, question):
    """Yield what a question yields, and a failed Check in the place of an expected error."""
    try:
        yield from question()
    except errors.UsageDBError as error:
        yield failed(source, error)


def slurm_checks(sources):
    """Yield the Checks of slurmdbd's database."""
    if not sources.has("slurm"):
        yield not_set_up("slurm", "all pages of jobs ([slurm] conf_file)")
        return
    with sources.slurm() as slurm:
        slurm.selected("job_table", ("id_job",))  # tells a wrong name of the cluster best
        accounts, users = len(slurm.accounts()), len(slurm.users())
        yield well("slurm", f"cluster {slurm.cluster}: {accounts} accounts, {users} users")
        has_scripts = bool(slurm.columns("job_script_table"))
    if has_scripts:
        yield well("scripts", "Slurm has a table of scripts (AccountingStoreFlags=job_script)")
    else:
        yield not_set_up("scripts", "scripts that the collector has not sent")


def metrics_checks(sources):
    """Yield the Checks of the metrics: the server, its exporters, the recorded series."""
    source = sources.metrics
    if source is None:
        yield not_set_up("prometheus", "all graphs and all that jobs used ([prometheus] url)")
        return
    yield well("prometheus", source.check())
    configuration, now = sources.configuration, time.time()
    for exporter, (name, lost) in EXPORTERS.items():
        if not configuration.has_exporter(exporter):
            yield not_set_up(exporter, lost)
            continue
        yield from seen(source, exporter, name or configuration.prometheus.power_metric, lost, now)
    yield from recorded(source, now)


def seen(source, exporter, name, lost, now):
    """Yield the Check whether samples of an exporter came lately."""
    series = source.instant(count(metric(name)), now)
    if series:
        yield well(exporter, f"{series[0].last():.0f} series of {name}")
    else:
        text = f"no {name} now, not shown: {lost}; not installed? {exporter} = 0 in [exporters]"
        yield failed(exporter, text)


def recorded(source, now):
    """Yield the Check whether the recording rules are in use."""
    found = source.label_values("__name__", metric(any_of(RECORDED)), now - RECENT_SECONDS, now)
    lacking = [name for name in RECORDED if name not in found]
    if lacking:
        several = f" and {len(lacking) - 1} more" if lacking[1:] else ""
        text = f"no {lacking[0]}{several}: load portal-prometheus-rules.yml, or no job runs"
        yield failed("recording rules", text)
    else:
        yield well("recording rules", "the series of users and accounts come")


def accounts_checks(configuration, sources):
    """Yield the Check of where accounts and their members come from."""
    kind = configuration.accounts.source
    if kind == "slurm" and not sources.has("slurm"):
        yield not_set_up("accounts", "who belongs to which account")
        return
    source = source_for(configuration.accounts, configuration.ldap, configuration.portal.cluster,
                        sources)  # fmt: skip
    source.of_user(EVERYWHERE)
    yield well("accounts", f"from {kind}")


def names_checks(configuration, sources):
    """Yield the Check whether the users of Slurm are known where names come from."""
    if not sources.has("slurm"):
        return
    with sources.slurm() as slurm:
        asked = [name for name in slurm.users() if name != EVERYWHERE][:MOST_ASKED]
    people = people_for(configuration)
    unknown = [name for name in asked if people.uid_of(name) is None]
    where = names_source(configuration)
    if asked and len(unknown) == len(asked):
        text = f"none of {len(asked)} users of Slurm is known to {where}: their pages stay empty"
        yield failed("names", text)
    elif not asked:
        yield well("names", f"Slurm has no users but {EVERYWHERE}")
    else:
        text = f"{len(asked) - len(unknown)} of {len(asked)} users of Slurm are known to {where}"
        yield well("names", f"{text}; not {unknown[0]}" if unknown else text)


def names_source(configuration):
    """Return what tells the uids of users, as a text."""
    if configuration.accounts.users_file:
        return str(configuration.accounts.users_file)
    return configuration.ldap.url or "this machine (getent passwd)"


def part_checks(configuration):
    """Yield the Checks of the other tools' databases."""
    for name, lost in PARTS.items():
        found = part_available(configuration, name)
        if not found.is_configured:
            yield not_set_up(name, lost)
        elif found.is_there:
            yield well(name, "its tables are there")
        else:
            yield failed(name, found.text)


def storage_checks(configuration, sources):
    """Yield the Checks of Robinhood's databases."""
    for kind, one in configuration.storage.items():
        if one.robinhood is not None:
            name = f"robinhood of {kind}"
            yield from guarded(name, lambda one=one, name=name: robinhood(sources, one, name))


def robinhood(sources, one, name):
    """Yield the Check of one database of Robinhood."""
    with sources.opened(one.robinhood) as database:
        database.rows("SELECT uid, gid, size, blocks, count FROM ACCT_STAT LIMIT 1")
    yield well(name, "the table ACCT_STAT is there")
