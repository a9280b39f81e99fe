"""Names to things: tasks, adapters, data sets, metrics, engines, exports."""
