"""The catalog: one SQLite file that holds everything true about an index.

`schema` opens it, `staging` writes what is not visible yet, `publish` makes it visible in one
transaction, `reading` answers questions about what is visible. The vector store's folders are
derived from it and can always be built again.
"""
