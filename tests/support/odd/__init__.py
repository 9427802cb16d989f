"""Files made to break a reader: bombs, loops, lies and damage, each written by code.

`file` says what such a file is; each other module holds one family of them; `folder` writes them
all, and what only a file system can hold, into a folder.
"""
