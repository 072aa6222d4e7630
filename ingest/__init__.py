"""Notes on disk -> a searchable library. Imports none of the other packages."""
