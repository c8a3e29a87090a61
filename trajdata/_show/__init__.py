"""Show clips to people: pictures, animations, a gallery page, and HTML for notebooks."""
