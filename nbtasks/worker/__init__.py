"""What runs on a worker: headless, and without any part of Jupyter."""
