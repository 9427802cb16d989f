"""An endpoint of OpenAI's shape over the local trainer: files, jobs, events, checkpoints, chat."""
