"""Audits of what the numbers rest on: action labels, leaks of the target, training masks."""
