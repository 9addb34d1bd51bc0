"""The graphs of an account, by user. Each function takes an AccountContext and returns a Graph."""

import dataclasses
from typing import Any, Optional

from django.utils.translation import gettext

from userportal.access.allocations import DEFAULT_PREFIX
from userportal.graphs.drawing import Graph, Layer
from userportal.jobstats.job_graphs import LUSTRE_SECONDS, OBJECT_TARGETS
from userportal.metrics.expression import any_of, count, maximum, metric, total
from userportal.metrics.window import rate_window
from userportal.units import GIBIBYTE, MEBIBYTE

BY_USER = ("user",)
MILLIWATTS = 1000
LUSTRE_WINDOW_SECONDS = 300
ALLOCATED = {
    "cpu": "slurm_job:allocated_core:count_user_account",
    "mem": "slurm_job:allocated_memory:sum_user_account",
    "gpu": "slurm_job:allocated_gpu:count_user_account",
}
USED = {
    "cpu": "slurm_job:used_core:sum_user_account",
    "mem": "slurm_job:rss_memory:sum_user_account",
    "gpu": "slurm_job:used_gpu:sum_user_account",
}
DIVISORS = {"cpu": 1.0, "mem": float(GIBIBYTE), "gpu": 1.0}


@dataclasses.dataclass(frozen=True)
class AccountContext:
    """Whose account, and how much it was given."""

    account: str
    configuration: Any
    gpu_models: Any
    allocation: Optional[float] = None  # cores or GPUs; None: the default

    def of_account(self, name, **labels):
        """Return the selector of a metric of the account's jobs."""
        return metric(name, account=self.account, **labels)


def user_name(labels):
    """Return the name of the series of a user."""
    return labels.get("user", "?")


def units(kind):
    """Return (title, unit) of the axis of a kind of resource."""
    titles = {
        "cpu": (gettext("Cores"), " " + gettext("cores")),
        "mem": (gettext("Memory"), gettext("GiB")),
        "gpu": (gettext("GPUs"), " GPU"),
    }
    return titles[kind]


def allocated(kind):
    """Return the function that draws what each user's jobs have."""

    def graph(context):
        expression = total(context.of_account(ALLOCATED[kind]), by=BY_USER)
        return Graph(units(kind)[0], (stacked(expression, kind),), units(kind)[1])

    return graph


def used(kind):
    """Return the function that draws what each user's jobs use."""

    def graph(context):
        expression = total(context.of_account(USED[kind]), by=BY_USER)
        return Graph(units(kind)[0], (stacked(expression, kind),), units(kind)[1])

    return graph


def wasted(kind):
    """Return the function that draws what each user's jobs have and do not use."""

    def graph(context):
        unused = total(context.of_account(ALLOCATED[kind]), by=BY_USER).minus(
            total(context.of_account(USED[kind]), by=BY_USER), on=BY_USER
        )
        layer = Layer(unused.clamp_min(0), user_name, divisor=DIVISORS[kind])
        return Graph(units(kind)[0], (layer,), units(kind)[1])

    return graph


def stacked(expression, kind):
    """Return the layer of all users, one above another."""
    return Layer(expression, user_name, is_stacked=True, divisor=DIVISORS[kind])


def application(context):
    """Cores used by each program of the account."""
    used_cores = context.of_account("slurm_job:process_usage:sum_account")
    layer = Layer(total(used_cores, by=("bin",)), lambda labels: labels.get("bin", "?"), True)
    return Graph(gettext("Cores"), (layer,), " " + gettext("cores"))


def lustre_mdt(context):
    """Operations a second on the metadata servers, by user and file system."""
    operations = context.of_account("lustre_job_stats_total", component="mdt")
    rate = total(operations.rate(lustre_seconds(context)), by=("user", "fs")).where("!=", 0)
    return Graph(gettext("Operations"), (Layer(rate, user_and_fs(""), True),), " IOPS")


def lustre_ost(context):
    """MiB a second from and, negative, to the object servers, by user and file system."""
    layers = []
    for word, title in (("read", gettext("Read")), ("write", gettext("Written"))):
        moved = context.of_account(
            f"lustre_job_{word}_bytes_total", component="ost", target=OBJECT_TARGETS
        )
        rate = total(moved.rate(lustre_seconds(context)), by=("user", "fs"))
        layers.append(Layer(rate, user_and_fs(title), is_below=word == "write", divisor=MEBIBYTE))
    return Graph(gettext("Bandwidth"), tuple(layers), gettext("MiB/s"))


def lustre_seconds(context):
    """Return the window of rates of Lustre."""
    sampling = context.configuration.sampling_seconds("lustre_exporter")
    return max(LUSTRE_SECONDS, LUSTRE_WINDOW_SECONDS, rate_window(sampling))


def user_and_fs(title):
    """Return a function that names a series by a title, its user and its file system."""
    return lambda labels: f"{title} {labels.get('user', '?')} {labels.get('fs', '')}".strip()


def gpu_power_used(context):
    """Watts of the GPUs of each user."""
    power = total(context.of_account("slurm_job_power_gpu"), by=BY_USER)
    return Graph(gettext("Power"), (Layer(power, user_name, True, divisor=MILLIWATTS),), "W")


def gpu_power_allocated(context):
    """Watts that the GPUs of each user could draw, as far as their models are known."""
    expression = full_power(context)
    layers = () if expression is None else (Layer(expression, user_name, True),)
    return Graph(gettext("Power"), layers, "W")


def gpu_power_wasted(context):
    """Watts that the GPUs of each user could draw and did not."""
    expression = full_power(context)
    if expression is None:
        return Graph(gettext("Power"), (), "W")
    # Of the models that are known alone: of the others nobody can say what is not used.
    used = context.of_account("slurm_job_power_gpu", gpu_type=any_of(known_powers(context)))
    used_watts = total(used, by=BY_USER) / MILLIWATTS
    layer = Layer(expression.minus(used_watts, on=BY_USER).clamp_min(0), user_name)
    return Graph(gettext("Power"), (layer,), "W")


def full_power(context):
    """Return the sum over GPUs of their full power, by user; None if no model is known."""
    power = context.of_account("slurm_job_power_gpu")
    parts = [
        count(power.having(gpu_type=model), by=("user", "gpu_type")) * watts
        for model, watts in known_powers(context).items()
    ]
    if not parts:
        return None
    expression = parts[0]
    for part in parts[1:]:
        expression = expression.otherwise(part)
    return total(expression, by=BY_USER)


def known_powers(context):
    """Return {model: W at full load} of the GPU models of which it is known."""
    read = context.gpu_models.full_power_watts
    return {model: read(model) for model in context.gpu_models.names() if read(model)}


def priority(kind):
    """Return the function that draws what an account has and uses beside its fair-share level."""

    def graph(context):
        title, unit = units(kind)
        layers = (
            Layer(total(context.of_account(ALLOCATED[kind])).otherwise(0), gettext("Allocated")),
            Layer(total(context.of_account(USED[kind])).otherwise(0), gettext("Used")),
            Layer(
                maximum(context.of_account("slurm_account_levelfs")), gettext("Fair-share level"),
                is_right=True,
            ),
        )  # fmt: skip
        return Graph(
            title, layers, unit, right_title=gettext("Fair-share level"), lines=level_of(context)
        )

    return graph


def level_of(context):
    """Return the level line of what an account was given; none for a default account."""
    if not context.allocation or context.account.startswith(DEFAULT_PREFIX):
        return ()
    return ((gettext("Allocation"), context.allocation),)
