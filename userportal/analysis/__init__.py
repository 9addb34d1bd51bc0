"""What a job did with what it was given, and what is to be said of it; no Django."""
