"""Files become a searchable index. Imports nothing of ragkit's other packages."""
