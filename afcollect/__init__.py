"""AF metrics: who is logged in, what login nodes and batch systems do, sent to one endpoint."""
