"""A run's report as a page and as Markdown, made of what its folder holds."""
