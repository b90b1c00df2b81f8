-- The attributes that some classifier scores: scores has a column for each of them, and gets one when a classifier with new ones is
-- registered. The program drops the columns of version 1 that no classifier knows.
CREATE TABLE attributes (
    slug TEXT PRIMARY KEY,                -- the column in scores: lower case, digits, underscores
    name TEXT NOT NULL                    -- as the first classifier that knew it spells it
) WITHOUT ROWID;

INSERT OR IGNORE INTO attributes (slug, name)
    SELECT lower(a.value), a.value FROM classifiers c, json_each(c.attributes) a ORDER BY c.id, a.key;
