"""Models of transformers on disk: found, checked before and after they are loaded, told apart by a hash."""
