"""From positions to clips: fields, texts, and the live source of clips."""
