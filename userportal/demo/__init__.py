"""The made-up cluster behind `make portal-demo`: all people, jobs and numbers are invented."""
