"""The pages of jobs: of one, of several, and of all of a user."""
