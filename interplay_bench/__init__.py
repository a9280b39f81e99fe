"""Benchmark harness for reference-free simulators of conversational recommendation."""
