"""The pages of accounts: what all users of one use together."""
