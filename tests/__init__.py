"""Tests: tests/<package>/test_<module>.py mirrors the packages."""
