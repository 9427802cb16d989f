"""Judges that are asked only when somebody asks for them: ragas' measures, and models as judges."""
