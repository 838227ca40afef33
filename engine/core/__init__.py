"""What both interpreters share: messages, settings, storage, the queue, and when learning may
run."""
