"""The daemon of epmt: it stores archives as they come, analyzes new jobs, retires old ones."""
