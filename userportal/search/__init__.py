"""The search of staff for users and accounts."""
