"""What tests build on: fakes at the real seams, and programs that tests start."""
