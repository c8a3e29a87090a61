"""From places to pixels. The kernels see arrays and numbers, never a spec."""
