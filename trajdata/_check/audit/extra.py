"""What brings the packages that an audit needs."""

__all__ = ["AUDIT_EXTRA"]

AUDIT_EXTRA = "pip install 'trajdata-video[audit]'"
