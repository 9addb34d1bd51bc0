"""Tests of the library and its commands."""
