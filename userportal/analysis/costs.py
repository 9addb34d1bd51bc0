"""What a job cost: energy, CO2, and money for electricity, cooling, hardware, or a cloud."""

import dataclasses
from typing import Optional

from userportal.analysis import figures

HOUR_SECONDS = 3600
KG_PER_MWH_TO_KWH = 1 / 1000


@dataclasses.dataclass(frozen=True)
class Constants:
    """What the costs are made of; None hides what is made of it.

    The section [costs] of the portal's configuration has the same names, and can stand in for it.
    """

    electric_car_range_km_per_kwh: Optional[float] = 1 / 0.151
    electricity_cost_per_kwh: Optional[float] = 0.04158
    cooling_cost_per_kwh: Optional[float] = 0.04158 * 0.25
    co2_kg_per_mwh: Optional[float] = 0.5  # of hydroelectric power; coal has 1,000
    amortization_years: Optional[float] = 5.0
    # A node's price over its cores (or GPUs) and hours, and a tenth for what is around it.
    cpu_core_cost_per_hour: Optional[float] = 7500 / 64 / (8760 * 5) * 1.10
    gpu_cost_per_hour: Optional[float] = 50000 / 4 / (8760 * 5) * 1.10
    # What a cloud asks for by the hour, in the currency of the others.
    cloud_cpu_core_cost_per_hour: Optional[float] = 2.448 / 64 * 1.25
    cloud_gpu_cost_per_hour: Optional[float] = 5.672 / 4 * 1.25


def mean_power_kwh(mean_watts_of_nodes, elapsed_seconds):
    """Return the energy of the mean power of each node, in W; None if one is unknown, or none is
    there."""
    watts = figures.total(mean_watts_of_nodes)
    kwh = figures.product(watts, elapsed_seconds)
    return None if kwh is None else kwh / 1000 / HOUR_SECONDS


def energy_json(facts, constants=None):
    """Return {key: number}: kwh, and what follows of it, and what the resources cost.

    A key is there only if what it is made of is known and its constant is not None; {} for a job
    that has not begun. constants: Constants, or the section [costs] of the configuration.
    """
    constants = constants or Constants()
    if not facts.elapsed_seconds:
        return {}
    found = {
        **of_energy(facts.energy_kwh, constants),
        "amortization_years": constants.amortization_years,
        "hardware_cost_dollar": of_resources(
            facts, constants.gpu_cost_per_hour, constants.cpu_core_cost_per_hour
        ),
        "cloud_cost_dollar": of_resources(
            facts, constants.cloud_gpu_cost_per_hour, constants.cloud_cpu_core_cost_per_hour
        ),
    }
    return {key: value for key, value in found.items() if value is not None}


def of_energy(kwh, constants):
    """Return {key: number or None} of what is made of the energy."""
    return {
        "kwh": kwh,
        "electric_car_range_km": figures.product(kwh, constants.electric_car_range_km_per_kwh),
        "electricity_cost_dollar": figures.product(kwh, constants.electricity_cost_per_kwh),
        "cooling_cost_dollar": figures.product(kwh, constants.cooling_cost_per_kwh),
        "co2_emissions_kg": figures.product(
            figures.product(kwh, KG_PER_MWH_TO_KWH), constants.co2_kg_per_mwh
        ),
    }


def of_resources(facts, gpu_cost_per_hour, core_cost_per_hour):
    """Return what the job's GPUs cost, or its cores if it has none; None if that is unknown."""
    if facts.gpus is None:
        return None
    number, price = (
        (facts.gpus, gpu_cost_per_hour) if facts.gpus else (facts.cores, core_cost_per_hour)
    )
    hours = facts.elapsed_seconds / HOUR_SECONDS
    return figures.product(figures.product(number, price), hours)


def total_cost(costs):
    """Return electricity, cooling and hardware added up, of what energy_json gave.

    None if one of the three is missing.
    """
    names = ("electricity_cost_dollar", "cooling_cost_dollar", "hardware_cost_dollar")
    return figures.total(costs.get(name) for name in names)
