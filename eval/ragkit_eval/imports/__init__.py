"""Cases from the formats of other tools, one a module."""
