"""What all pages share: their frame, their headers, and how failures are told."""
