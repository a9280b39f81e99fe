"""The data model: dialogues and their items, the markup, prompts, action rules."""
