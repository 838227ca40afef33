"""The conversation: turns, answers, the list of chats."""
