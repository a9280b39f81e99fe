"""Evaluations: tasks, the run loop, run directories and their records."""
