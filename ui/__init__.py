"""An answer -> a person: the command line and the page."""
