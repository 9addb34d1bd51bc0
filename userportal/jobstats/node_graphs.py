"""The graphs of the nodes of a job: what is measured of a node as a whole, for all of its jobs.

Each function takes a JobContext and returns a Graph. The metrics are those of node_exporter and,
for the memory's bandwidth, the caches and the links between sockets, of Intel's PCM.
"""

from django.utils.translation import gettext

from userportal.graphs.drawing import MOST_SERIES, Graph
from userportal.jobstats.fitting import fitted
from userportal.metrics.expression import count, metric, not_matching, number, total, wildcards
from userportal.units import GIBIBYTE

GIGABYTE = 1e9
MEGABIT, GIGABIT = 1e6 / 8, 1e9 / 8  # bytes
NO_ETHERNET = wildcards("ib*", "lo")
LOCAL_DISKS = wildcards("nvme?n?", "sd?", "vd?")
LINKS = 3  # between two sockets
DEVICES, SOCKETS = 2, 2  # that a node usually has


def node_rate(context, name, **labels):
    """Return the rate of a counter of node_exporter, without a gap between two points."""
    selector = metric(name, **context.on_nodes(), **labels)
    return selector.rate(context.step_or_seconds("node_exporter"))


def pcm_rate(context, name, **labels):
    """Return the rate of a counter of PCM."""
    selector = metric(name, **context.on_nodes(), **labels)
    return selector.rate(context.seconds("pcm_sensor_server"))


def node_layer(context, expression, title, label, kinds, **look):
    """Return the layer of an expression with several series a node, told apart by a label."""
    many = kinds * context.places
    return fitted(context, expression, title, many, kinds, by=(label,), **look)


def two_ways(context, title, words, unit, divisor, **labels):
    """Return the graph of two counters: the first above zero, the second below.

    words are ((metric's name, what its series are called), twice).
    """
    layers = tuple(
        node_layer(
            context, node_rate(context, name, **labels), device_named(called), "device",
            2 * DEVICES, is_below=bool(place), divisor=divisor,
        )
        for place, (name, called) in enumerate(words)
    )  # fmt: skip
    return Graph(title, layers, unit, is_of_job=True)


def device_named(title):
    """Return a function that names a series by a title and its device."""
    return lambda labels: f"{title} {labels.get('device', '')}".strip()


def ethernet_bdw(context):
    """Megabits a second of each Ethernet device."""
    words = (
        ("node_network_receive_bytes_total", gettext("Received")),
        ("node_network_transmit_bytes_total", gettext("Sent")),
    )
    return two_ways(
        context,
        gettext("Bandwidth"),
        words,
        gettext("Mb/s"),
        MEGABIT,
        device=not_matching(NO_ETHERNET),
    )


def infiniband_bdw(context):
    """Gigabits a second of each InfiniBand device."""
    words = (
        ("node_infiniband_port_data_received_bytes_total", gettext("Received")),
        ("node_infiniband_port_data_transmitted_bytes_total", gettext("Sent")),
    )
    return two_ways(context, gettext("Bandwidth"), words, gettext("Gb/s"), GIGABIT)


def disk_iops(context):
    """Operations a second of each local disk."""
    words = (
        ("node_disk_reads_completed_total", gettext("Read")),
        ("node_disk_writes_completed_total", gettext("Written")),
    )
    return two_ways(context, gettext("Operations"), words, " IOPS", 1, device=LOCAL_DISKS)


def disk_bdw(context):
    """Bytes a second of each local disk."""
    words = (
        ("node_disk_read_bytes_total", gettext("Read")),
        ("node_disk_written_bytes_total", gettext("Written")),
    )
    return two_ways(context, gettext("Bandwidth"), words, gettext("B/s"), 1, device=LOCAL_DISKS)


def disk_used(context):
    """GB in use where jobs keep their local files."""
    place = {"mountpoint": context.configuration.systems.local_scratch, **context.on_nodes()}
    used = metric("node_filesystem_size_bytes", **place) - metric(
        "node_filesystem_avail_bytes", **place
    )
    layer = fitted(context, used, gettext("Used"), context.places, divisor=GIGABYTE)
    return Graph(gettext("Local disk"), (layer,), "GB", is_of_job=True)


def mem_bdw(context):
    """GiB a second between the memory and each socket."""
    layers = tuple(
        node_layer(
            context, pcm_rate(context, name), socket_named(title), "socket", 2 * SOCKETS,
            is_below=bool(place), divisor=GIBIBYTE,
        )
        for place, (name, title) in enumerate(
            (("DRAM_Reads", gettext("Read")), ("DRAM_Writes", gettext("Written")))
        )
    )  # fmt: skip
    return Graph(gettext("Bandwidth"), layers, gettext("GiB/s"), is_of_job=True)


def socket_named(title):
    """Return a function that names a series by a title and its socket."""
    text = gettext("%(title)s, socket %(socket)s")
    return lambda labels: text % {"title": title, "socket": labels.get("socket", "")}


def has_core_series(context):
    """Tell whether graphs of cores have a series for each; else the mean of all of a node."""
    return context.cores <= MOST_SERIES


def core_layer(context, expression):
    """Return the layer of an expression with a series for each core of the nodes."""
    keep = of_own_cores(context) if has_core_series(context) else None
    return fitted(context, expression, pcm_core_name, context.cores, is_mean=True, keep=keep)


def core_rates(context, *rates):
    """Return rates of cores as they are, or their sums by node if has_core_series says no.

    The quotient of two sums weighs each core by its work: one that did nothing has no quotient,
    and would leave none to the mean of its node. It is also answered much faster.
    """
    if has_core_series(context):
        return rates
    return tuple(total(rate, by=(context.host_label,)) for rate in rates)


def own_cores(context, source, window):
    """Return {(host, socket, core, thread)} of the cores of the jobs, as PCM counts them.

    PCM counts cores otherwise than the kernel: its gauge OS_ID has the kernel's number as its
    value; the kernel's is the label `core` of the job's CPU time. Asks the source.
    """
    usage = context.of_jobs("slurm_job_core_usage_total")
    by_core = count(usage, by=(context.host_label, "core"))
    numbers = metric("OS_ID", core=number(), **context.on_nodes())
    queries = [(one, window.start, window.end, window.step) for one in (by_core, numbers)]
    used, named = source.range_many(queries)
    wanted = {
        (host_of(context, one.labels), one.labels["core"]) for one in used if "core" in one.labels
    }
    return frozenset(
        pcm_core(context, one.labels)
        for one in named
        if (host_of(context, one.labels), f"{one.last():.0f}") in wanted
    )


def host_of(context, labels):
    """Return the node of a series: each exporter has a port of its own."""
    return labels.get(context.host_label, "").partition(":")[0]


def pcm_core(context, labels):
    """Return what names a core in the series of PCM."""
    return (host_of(context, labels), *(labels.get(name) for name in ("socket", "core", "thread")))


def of_own_cores(context):
    """Return the condition on the labels of a series that its core is one of the jobs'."""
    return lambda labels: pcm_core(context, labels) in context.own_cores


def cache_rate(context, level):
    """Return the graph of percent of a cache's hits, by core."""
    hits, misses = (
        pcm_rate(context, f"{level}_Cache_{word}", core=number()) for word in ("Hits", "Misses")
    )
    hits, misses = core_rates(context, hits, misses)
    layer = core_layer(context, 100 / (1 + misses / hits))
    return Graph(gettext("Hits"), (layer,), "%", 100, True)


def l2_rate(context):
    """Percent of hits in the second cache."""
    return cache_rate(context, "L2")


def l3_rate(context):
    """Percent of hits in the third cache."""
    return cache_rate(context, "L3")


def ipc(context):
    """Instructions for each cycle, by core."""
    instructions, cycles = (
        pcm_rate(context, name, core=number())
        for name in ("Instructions_Retired_Any", "Clock_Unhalted_Ref")
    )
    instructions, cycles = core_rates(context, instructions, cycles)
    layer = core_layer(context, instructions / cycles)
    return Graph(gettext("Instructions per cycle"), (layer,), is_of_job=True)


def pcm_core_name(labels):
    """Return the name of the series of a thread of a core of PCM, or of all of a node."""
    if "core" not in labels:
        return gettext("Cores")
    return gettext("Socket %(socket)s core %(core)s thread %(thread)s") % {
        name: labels.get(name, "0") for name in ("socket", "core", "thread")
    }


def cpu_interconnect(context):
    """GiB a second on the links between sockets, by socket."""
    # A rate drops the metric's name, by which the links differ: each is asked for by itself.
    parts = [pcm_rate(context, f"Incoming_Data_Traffic_On_Link_{link}") for link in range(LINKS)]
    by = (context.host_label, "socket")
    layers = [
        node_layer(
            context, total(part, by=by), link_named(link), "socket", LINKS * SOCKETS,
            is_stacked=True, divisor=GIBIBYTE,
        )
        for link, part in enumerate(parts)
    ]  # fmt: skip
    return Graph(gettext("Bandwidth"), tuple(layers), gettext("GiB/s"), is_of_job=True)


def link_named(link):
    """Return a function that names a series by its socket and link."""
    text = gettext("Socket %(socket)s link %(link)s")
    return lambda labels: text % {"socket": labels.get("socket", ""), "link": link}
