"""Pies as Plotly figures."""

from django.utils.translation import gettext

from userportal.metrics.figure import shown

MOST_SLICES = 30


def pie(rows, unit):
    """Return the Plotly figure of (name, amount), the most first; no data for no rows.

    What is beyond the largest slices stands together. unit: with its blank before it.
    """
    if len(rows) > MOST_SLICES:
        rest = sum(amount for _name, amount in rows[MOST_SLICES - 1 :])
        rows = [*rows[: MOST_SLICES - 1], (gettext("All others"), rest)]
    trace = {
        "type": "pie",
        "labels": [shown(name) for name, _amount in rows],
        "values": [round(amount, 3) for _name, amount in rows],
        "hovertemplate": f"%{{label}}: %{{value:.1f}}{unit} (%{{percent}})<extra></extra>",
        "textinfo": "label+percent",
        "textposition": "inside",
        "sort": False,
    }
    return {"data": [trace] if rows else [], "layout": {}}
