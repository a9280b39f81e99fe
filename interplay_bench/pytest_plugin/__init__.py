"""Evaluations as pytest items, a fixture for people's own suites, gates. Loaded by every pytest run: keep it light."""
