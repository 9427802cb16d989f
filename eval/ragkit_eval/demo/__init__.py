"""The experiment of `ragkit eval demo`: retrieve, tune, both, or prompt, in an invented world."""
