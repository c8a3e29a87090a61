"""The page report.html, which shows how a bake is going."""
