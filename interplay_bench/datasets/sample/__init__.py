"""The sample data set: synthetic dialogues over real films; see README.md."""
