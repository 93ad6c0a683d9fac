"""Groups of a log without text, judged by how was asked and whether answers could be read."""
