"""The only room that knows hardware: sampling completions, scoring and learning from batches."""
