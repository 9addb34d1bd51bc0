"""Tests of userportal."""
