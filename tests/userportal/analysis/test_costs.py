"""What a job cost, with the documented constants."""

import dataclasses

import pytest

from userportal import sections
from userportal.analysis import costs
from userportal.analysis.facts import Facts

CPU_JOB = Facts(elapsed_seconds=7200, gpus=0, cores=10, energy_kwh=2)
GPU_JOB = dataclasses.replace(CPU_JOB, gpus=4)
COSTS = sections.Costs()
KEYS = {
    "kwh", "electric_car_range_km", "electricity_cost_dollar", "cooling_cost_dollar",
    "co2_emissions_kg", "amortization_years", "hardware_cost_dollar", "cloud_cost_dollar",
}  # fmt: skip


def test_energy_becomes_kilometres_money_and_co2():
    found = costs.energy_json(CPU_JOB, COSTS)
    assert set(found) == KEYS
    assert found["kwh"] == 2
    assert found["electric_car_range_km"] == pytest.approx(2 / 0.151)
    assert found["electricity_cost_dollar"] == pytest.approx(0.08316)
    assert found["cooling_cost_dollar"] == pytest.approx(0.02079)
    assert found["co2_emissions_kg"] == pytest.approx(0.001)
    assert found["amortization_years"] == 5


def test_hardware_and_cloud_are_paid_by_gpu_or_else_by_core():
    cpu, gpu = costs.energy_json(CPU_JOB, COSTS), costs.energy_json(GPU_JOB, COSTS)
    assert cpu["hardware_cost_dollar"] == pytest.approx(0.0029431 * 20, rel=1e-4)
    assert gpu["hardware_cost_dollar"] == pytest.approx(0.31393 * 8, rel=1e-4)
    assert cpu["cloud_cost_dollar"] == pytest.approx(0.0478125 * 20)
    assert gpu["cloud_cost_dollar"] == pytest.approx(1.7725 * 8)


@pytest.mark.parametrize(
    ("constant", "keys"),
    [
        ("electric_car_range_km_per_kwh", {"electric_car_range_km"}),
        ("electricity_cost_per_kwh", {"electricity_cost_dollar"}),
        ("cooling_cost_per_kwh", {"cooling_cost_dollar"}),
        ("co2_kg_per_mwh", {"co2_emissions_kg"}),
        ("amortization_years", {"amortization_years"}),
        ("cpu_core_cost_per_hour", {"hardware_cost_dollar"}),
        ("cloud_cpu_core_cost_per_hour", {"cloud_cost_dollar"}),
        ("gpu_cost_per_hour", set()),
        ("cloud_gpu_cost_per_hour", set()),
    ],
)
def test_a_constant_that_is_none_hides_what_is_made_of_it(constant, keys):
    constants = dataclasses.replace(COSTS, **{constant: None})
    assert KEYS - set(costs.energy_json(CPU_JOB, constants)) == keys


def test_without_measured_energy_only_the_resources_cost():
    found = costs.energy_json(dataclasses.replace(CPU_JOB, energy_kwh=None), COSTS)
    assert set(found) == {"amortization_years", "hardware_cost_dollar", "cloud_cost_dollar"}


@pytest.mark.parametrize("elapsed_seconds", [None, 0])
def test_a_job_that_has_not_begun_has_no_costs(elapsed_seconds):
    assert (
        costs.energy_json(dataclasses.replace(CPU_JOB, elapsed_seconds=elapsed_seconds), COSTS)
        == {}
    )


def test_nobody_knows_what_unknown_resources_cost():
    assert "hardware_cost_dollar" not in costs.energy_json(
        dataclasses.replace(CPU_JOB, gpus=None), COSTS
    )


def test_a_total_needs_all_three():
    found = costs.energy_json(CPU_JOB, COSTS)
    assert costs.total_cost(found) == pytest.approx(0.08316 + 0.02079 + 0.058862, rel=1e-4)
    assert costs.total_cost({**found, "cooling_cost_dollar": None}) is None
    assert costs.total_cost({}) is None
