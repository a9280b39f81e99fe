"""What surrounds a run: errors, paths, caches, processes, progress, versions."""
