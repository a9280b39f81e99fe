"""Runs as one self-contained page to read in a browser."""
