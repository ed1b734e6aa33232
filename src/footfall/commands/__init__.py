"""What the `footfall` command runs: a file for each subcommand, named after it, and what several subcommands need."""
