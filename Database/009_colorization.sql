-- What methods of colouring grey photographs are worth: one run a table, one row a method, one value a figure.
CREATE TABLE colorization_runs (
    id INTEGER PRIMARY KEY,
    pictures TEXT NOT NULL,               -- SHA-256 over the photographs' SHA-256, in their order
    folder TEXT NOT NULL,                 -- where they lay
    count INTEGER NOT NULL,
    reference TEXT,                       -- the folder that FID and KID are taken against; NULL: the photographs themselves
    created TEXT NOT NULL
);

CREATE TABLE colorization_figures (
    run INTEGER NOT NULL REFERENCES colorization_runs ON DELETE CASCADE,
    position INTEGER NOT NULL,            -- the row in the table, from 0
    method TEXT NOT NULL,                 -- such as tint-luminance
    title TEXT NOT NULL,                  -- for people
    figure TEXT NOT NULL,                 -- such as lpips
    value REAL NOT NULL,
    low REAL,                             -- the interval of 95 %; NULL where there is none
    high REAL,
    PRIMARY KEY (run, position, figure)
) WITHOUT ROWID;
