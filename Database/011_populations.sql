-- The part of the scored latents that a selection's ends were taken from, as a filter; empty for all of them.
ALTER TABLE selections ADD COLUMN among TEXT NOT NULL DEFAULT '';
