"""Finding passages: dense, lexical and fused search, and the filters before them."""
