"""Define the commands, one file each: take options, call plain functions, print text."""
