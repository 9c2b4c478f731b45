"""What a reader needs to believe a number: records of runs, tables and statistics made of them."""
