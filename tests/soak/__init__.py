"""Long runs of the tests: python -m tests.soak [galera|fuzz]."""
