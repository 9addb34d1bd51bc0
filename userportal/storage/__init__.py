"""What people and groups have stored: quotas in the metrics, and the tables of Robinhood."""
