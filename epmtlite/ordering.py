"""The order of a result, as a person names it: a column, with a - before it the other way round."""

from usagedb import errors


def checked_order(order, columns):
    """Return an order if it is by one of the columns. Raises UsageError."""
    if order.lstrip("-") not in columns or order.startswith("--"):
        raise errors.UsageError(f"order={order}: one of {', '.join(columns)}, or -start and so on")
    return order


def order_sql(database, order, columns):
    """Return the SQL of an order by one of the columns, rows with equal values by id.

    Raises UsageError.
    """
    column = checked_order(order, columns).lstrip("-")
    direction = "DESC" if order.startswith("-") else "ASC"
    return f"{database.dialect.quote(column)} {direction}, id {direction}"
