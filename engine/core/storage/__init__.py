"""Where everything is kept: the named stores, their hosts, backups, and who may write."""
