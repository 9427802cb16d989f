"""Where agents of other frameworks meet a pipeline of ours; each framework in its own module."""
