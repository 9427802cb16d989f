"""Files become Documents: one format a module, a registry of them, an isolated worker."""
