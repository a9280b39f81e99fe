"""The metrics, one family per file: statistics of samples in, signed scores out."""
