"""Storage: the named stores, their hosts, backups, and the right to write."""
