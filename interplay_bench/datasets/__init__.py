"""The data sets, one loader per file."""
