"""What brings the packages that some formats need."""

__all__ = ["EXPORT_EXTRA"]

EXPORT_EXTRA = "pip install 'trajdata-video[export]'"
