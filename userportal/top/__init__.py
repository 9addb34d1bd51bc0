"""The pages of staff about those who use most."""
