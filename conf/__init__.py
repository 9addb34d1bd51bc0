"""What an administrator copies: installed as the package usagedb.conf."""
