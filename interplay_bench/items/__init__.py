"""Items: the catalogue of what can be recommended, and titles in text."""
