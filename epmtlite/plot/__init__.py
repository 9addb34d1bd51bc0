"""Pictures of jobs: what their processes did, as one HTML file or as PNG."""
