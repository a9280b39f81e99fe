"""Language models behind two verbs: local, served, and the plain reference; by name in :mod:`builtin`."""
