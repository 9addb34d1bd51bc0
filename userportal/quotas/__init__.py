"""The pages of storage: quotas, who fills them, what is on tape."""
