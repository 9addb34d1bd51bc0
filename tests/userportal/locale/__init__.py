"""The portal in French."""
