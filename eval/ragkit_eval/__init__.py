"""Answers become evidence: how good are retrieval, answers and abstention on your own questions."""
