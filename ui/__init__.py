"""An answer -> a person: the command line."""
