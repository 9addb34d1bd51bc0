"""Tests of module usage."""
