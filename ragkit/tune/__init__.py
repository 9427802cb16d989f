"""Fine-tuning: training sets that keep retrieval working, their check, the training, the gates."""
