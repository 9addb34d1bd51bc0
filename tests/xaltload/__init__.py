"""Tests of xaltload."""
