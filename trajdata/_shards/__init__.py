"""The bytes of shards and of the files beside them. No file is opened in this room."""
