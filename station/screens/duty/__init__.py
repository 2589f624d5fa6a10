"""The screens of duty: each a list of one matter, with the same keys for adding, taking on and closing."""
