"""What `benchmarks/windows.py` is made of: texts, encoders, pairs and the paper's own test."""
