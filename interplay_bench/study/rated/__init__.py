"""Dialogues that people have scored already, to measure judges and evaluators by; one corpus a file."""
