"""The engines behind a language model's two verbs, one per file."""
