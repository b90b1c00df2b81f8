-- Whether the bottom was chosen like the top in all other attributes, instead of from the end of the ranking.
ALTER TABLE selections ADD COLUMN matched INTEGER NOT NULL DEFAULT 0 CHECK (matched IN (0, 1));
