"""Send batches from a worker to the process that asked for them, without fresh memory for each.

A worker writes its batches into the *slots* of a *slab*, which is memory that it shares with the
consumer, the process of the DataLoader. It sends only a *ticket* through the DataLoader's queue,
which names a slab and a slot. The consumer maps a slab once and makes tensors on its slots. The
worker uses a slot again when the last tensor on it is gone.

The modules, each built on those before it: memory.py (memory that processes can share), slab.py
(slots, and who holds them), receiver.py (the consumer's side), sender.py (the worker's side).
"""
