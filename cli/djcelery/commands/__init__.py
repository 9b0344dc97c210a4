"""The commands, one file each: options in, one call into plain functions, words out."""
