"""Other wordings of a question that ask for the same, one kind a module."""
