"""How far figures can be trusted: intervals and tests over paired cases."""
