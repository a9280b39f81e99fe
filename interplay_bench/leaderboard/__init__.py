"""The leaderboard: committed run records and the paper's numbers, rendered as tables for people and machines."""
