"""Put together what is known of a job: the scheduler's row and what was measured."""
