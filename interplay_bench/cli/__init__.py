"""The commands of ``interplay-bench``, one per file."""
