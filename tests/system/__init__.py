"""Tests with the real services, from one end to the other."""
