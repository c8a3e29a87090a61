"""What a bake says of itself while it runs: PROGRESS.txt, progress.json and report.html."""
