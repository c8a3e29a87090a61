"""Clips as files of other programs: videos, pictures, arrays, and data sets of zarr and HF."""
