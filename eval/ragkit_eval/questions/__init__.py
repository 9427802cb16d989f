"""Drafts cases from the documents of an index, for a person to review."""
