"""Attacks on the portal: what a user, a stranger or a helper must not be able to do."""
