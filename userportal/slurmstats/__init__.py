"""The pages of staff about how the scheduler treats jobs."""
