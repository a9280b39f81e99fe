"""Model cards: TOML files, data only."""
