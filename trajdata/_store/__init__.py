"""Where bytes lie: a store's verbs, the folder's system calls, and what a store holds."""
