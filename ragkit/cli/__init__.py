"""The command line: one command a module, and nothing heavy imported before a command runs."""
