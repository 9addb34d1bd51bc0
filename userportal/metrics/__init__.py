"""Time series of the cluster: expressions, where they are asked, windows and figures.

Without Django. An expression (`expression`) is asked of a `source.MetricsSource`: a server with
Prometheus' interface (`prometheus`) or a file (`history`). Both answer with `series.Series`.
"""
