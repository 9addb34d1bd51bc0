"""Energy and cost of a job, by numbers that were worked out by hand."""

import json

import pytest

from tests.userportal.jobstats.few_jobs import (
    CANCELLED,
    GPU,
    MIXED,
    ONE,
    OTHERS,
    TWO,
    UNMEASURED,
    WAITING,
)


@pytest.fixture
def cost(ann):
    """A function: the JSON of the cost of a job of ann's."""
    return lambda job_id: json.loads(ann.get(f"jobstats/ann/{job_id}/value/cost.json").content)


def test_the_cost_of_a_job_on_cores(cost):
    # 2 of 8 cores of a node of 400 W, for an hour.
    assert cost(ONE) == {
        "kwh": pytest.approx(0.1),
        "electric_car_range_km": pytest.approx(0.6622516556),
        "electricity_cost_dollar": pytest.approx(0.004158),
        "cooling_cost_dollar": pytest.approx(0.0010395),
        "co2_emissions_kg": pytest.approx(0.00005),
        "amortization_years": 5,
        "hardware_cost_dollar": pytest.approx(0.0058862),
        "cloud_cost_dollar": pytest.approx(0.095625),
    }


def test_the_energy_of_several_nodes_is_added_up(cost):
    assert cost(TWO)["kwh"] == pytest.approx(0.15)


def test_the_cost_of_a_job_with_gpus_counts_its_gpus(cost):
    found = cost(GPU)
    assert found["kwh"] == pytest.approx(0.7)
    assert found["hardware_cost_dollar"] == pytest.approx(2 * 0.31393)
    assert found["cloud_cost_dollar"] == pytest.approx(2 * 1.7725)


@pytest.mark.parametrize("job_id", [UNMEASURED, MIXED])
def test_a_job_whose_energy_nobody_knows_costs_its_hardware(cost, job_id):
    found = cost(job_id)
    assert set(found) == {"amortization_years", "hardware_cost_dollar", "cloud_cost_dollar"}


@pytest.mark.parametrize("job_id", [WAITING, CANCELLED])
def test_a_job_that_has_not_begun_costs_nothing(cost, job_id):
    assert cost(job_id) == {}


def test_several_jobs_have_no_cost(cost):
    assert cost(f"{ONE},{TWO}") == {}


def test_the_cost_of_anothers_job_is_not_told(ann):
    assert ann.get(f"jobstats/ann/{OTHERS}/value/cost.json").status_code == 404
    assert ann.get(f"jobstats/bob/{OTHERS}/value/cost.json").status_code == 403


def test_the_page_tells_the_same_energy_and_the_total(ann):
    html = ann.html(f"jobstats/ann/{ONE}/")
    for title, text in (
        ("Energy", "0.100 kWh"), ("CO₂", "0.050 g"), ("Electricity", "0.004 $"),
        ("Hardware", "0.006 $"), ("Total", "0.011 $"), ("The same in a cloud", "0.096 $"),
    ):  # fmt: skip
        assert f"<dt>{title}</dt><dd>{text}</dd>" in html
