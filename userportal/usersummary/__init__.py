"""The page that sums up what a user has."""
