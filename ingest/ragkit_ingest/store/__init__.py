"""Vector stores: one implementation a module, all behind `protocol.VectorStore`."""
