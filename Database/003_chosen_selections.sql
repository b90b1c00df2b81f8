-- Selecting the same again makes no new row, but makes that selection the newest.
ALTER TABLE selections ADD COLUMN chosen INTEGER NOT NULL DEFAULT 0;
UPDATE selections SET chosen = id;
