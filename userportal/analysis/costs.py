"""What a job cost: energy, CO2, and money for electricity, cooling, hardware, or a cloud."""

from userportal.analysis import figures

HOUR_SECONDS = 3600
KG_PER_MWH_TO_KWH = 1 / 1000


def energy_json(facts, constants):
    """Return {key: number}: kwh, and what follows of it, and what the resources cost.

    A key is there only if what it is made of is known and its constant is not None; {} for a job
    that has not begun. constants: userportal.sections.Costs.
    """
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
