"""What a shift does beside passing people; the use cases under its screens and commands, one module for each matter."""
