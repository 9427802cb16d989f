"""Measures of one ranking or one answer, one a module, each with its source and its range."""
