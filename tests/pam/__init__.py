"""The PAM hook: real libpam, a real socket, a daemon that may be hostile."""
