"""The energy and cost of a job in words; see userportal.analysis.costs for the keys."""

from django.utils.translation import gettext

from userportal.analysis.costs import total_cost
from userportal.web.formats import localized

GRAMS = 1000  # of a kg


def cost_lines(found, currency):
    """Return [(title, text)] of what {key: number} has; a total only of all of its parts."""
    titles = (
        ("kwh", gettext("Energy"), "kWh", 1),
        ("electric_car_range_km", gettext("As far as an electric car goes"), "km", 1),
        ("co2_emissions_kg", gettext("CO₂"), "g", GRAMS),
        ("electricity_cost_dollar", gettext("Electricity"), currency, 1),
        ("cooling_cost_dollar", gettext("Cooling"), currency, 1),
        ("hardware_cost_dollar", gettext("Hardware"), currency, 1),
    )
    lines = [
        (title, amount(found[key] * factor, unit))
        for key, title, unit, factor in titles
        if key in found
    ]
    total = total_cost(found)
    if total is not None:
        lines.append((gettext("Total"), amount(total, currency)))
    if "cloud_cost_dollar" in found:
        lines.append((gettext("The same in a cloud"), amount(found["cloud_cost_dollar"], currency)))
    return lines


def amount(number, unit):
    """Return a number with its unit, as the reader's language writes it."""
    return f"{localized(number, 3 if number < 1 else 2)} {unit}"
