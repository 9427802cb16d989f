"""From words placed on a page to blocks in reading order; knows nothing of any file format."""
