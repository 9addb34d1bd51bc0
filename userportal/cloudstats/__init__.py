"""The pages of virtual machines, by project."""
