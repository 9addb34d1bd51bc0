"""The portal's own tables: job scripts, notes and tokens."""
