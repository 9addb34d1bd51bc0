"""The schema files, one per tool: installed as the package usagedb.sql."""
