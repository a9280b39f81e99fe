"""The adapters, one file per family, and their cards."""
