"""Django's backend for the portal's own database on MariaDB or MySQL."""
