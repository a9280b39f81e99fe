"""Anyone's own dialogues: a small schema, and the files that it is read from."""

OPTIONS = ("catalog", "domain")
"""What plain data can be told besides."""
