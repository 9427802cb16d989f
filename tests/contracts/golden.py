"""Computes the golden vectors of the packaged model with sentence-transformers in fp32.

pip install sentence-transformers; python -m tests.contracts.golden
"""

from __future__ import annotations

import json

import numpy as np

from ragkit_ingest.embed.packaged import packaged_model
from tests.contracts.test_embedder import GOLDEN, TEXTS


def main() -> None:
    """Write `golden_minilm.json`."""
    from sentence_transformers import SentenceTransformer

    model = SentenceTransformer(
        str(packaged_model().weights.parent), device="cpu", local_files_only=True
    )
    model.max_seq_length = 256
    vectors = model.encode(TEXTS, normalize_embeddings=True, convert_to_numpy=True)
    entries = [
        {
            "text": text,
            "first": [round(float(value), 6) for value in vector[:16]],
            "float16": np.asarray(vector).astype("<f2").tobytes().hex(),
        }
        for text, vector in zip(TEXTS, vectors, strict=True)
    ]
    GOLDEN.write_text(json.dumps(entries, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
