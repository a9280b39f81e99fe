"""What scores dialogues without people: cheap measures, a regression, a language model."""
