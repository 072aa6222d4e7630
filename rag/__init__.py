"""A question -> a checked answer."""
