"""How a worker's batches reach the process that asked for them, without fresh memory for each.

A worker draws into the *slots* of a *slab*, memory that it shares with the consumer. What crosses
the DataLoader's queue is a *ticket*: which slab, which slot. The consumer maps a slab once and
makes tensors of its slots; a slot is drawn into again when the last tensor on it is gone.

memory.py (files without a name) < slab.py (slots, and who holds them) < receiver.py (the
consumer's side) < sender.py (the worker's side).
"""
