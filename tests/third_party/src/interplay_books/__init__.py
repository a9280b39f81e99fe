"""A third-party package: one task, one adapter."""
