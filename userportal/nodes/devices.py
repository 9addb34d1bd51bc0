"""The graphs of a node's disks and networks, which jobs share. The metrics are node_exporter's.

Each function takes a NodeContext and returns a Graph.
"""

from django.utils.translation import gettext

from userportal.graphs.drawing import Graph, Layer
from userportal.jobstats.node_graphs import (
    GIGABIT,
    GIGABYTE,
    LOCAL_DISKS,
    MEGABIT,
    NO_ETHERNET,
    device_named,
)
from userportal.metrics.expression import metric, not_matching


def two_ways(context, title, names, unit, divisor=1.0, **labels):
    """Return the graph of two counters, by device: the first above zero, the second below.

    names are ((metric's name, what its series are called), twice).
    """
    layers = tuple(
        Layer(
            metric(name, **context.on_nodes(), **labels).rate(context.seconds("node_exporter")),
            device_named(called),
            is_below=bool(place),
            divisor=divisor,
        )
        for place, (name, called) in enumerate(names)
    )
    return Graph(title, layers, unit)


def ethernet_bdw(context):
    """Megabits a second of each Ethernet device."""
    names = (
        ("node_network_receive_bytes_total", gettext("Received")),
        ("node_network_transmit_bytes_total", gettext("Sent")),
    )
    others = not_matching(NO_ETHERNET)
    return two_ways(context, gettext("Bandwidth"), names, gettext("Mb/s"), MEGABIT, device=others)


def infiniband_bdw(context):
    """Gigabits a second of each InfiniBand device."""
    names = (
        ("node_infiniband_port_data_received_bytes_total", gettext("Received")),
        ("node_infiniband_port_data_transmitted_bytes_total", gettext("Sent")),
    )
    return two_ways(context, gettext("Bandwidth"), names, gettext("Gb/s"), GIGABIT)


def disk_iops(context):
    """Operations a second of each local disk."""
    names = (
        ("node_disk_reads_completed_total", gettext("Read")),
        ("node_disk_writes_completed_total", gettext("Written")),
    )
    return two_ways(context, gettext("Operations"), names, " IOPS", device=LOCAL_DISKS)


def disk_bdw(context):
    """Bytes a second of each local disk."""
    names = (
        ("node_disk_read_bytes_total", gettext("Read")),
        ("node_disk_written_bytes_total", gettext("Written")),
    )
    return two_ways(context, gettext("Bandwidth"), names, gettext("B/s"), device=LOCAL_DISKS)


def disk_used(context):
    """GB in use where jobs keep their local files, up to what is there."""
    place = {"mountpoint": context.configuration.systems.local_scratch, **context.on_nodes()}
    size = metric("node_filesystem_size_bytes", **place)
    used = size - metric("node_filesystem_avail_bytes", **place)
    layers = (
        Layer(used, gettext("Used"), divisor=GIGABYTE),
        Layer(size, gettext("Total"), divisor=GIGABYTE),
    )
    return Graph(gettext("Local disk"), layers, "GB")
