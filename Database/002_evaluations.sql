-- What edited faces score: one row for a direction at a strength, and one with an empty direction for the faces as they are.
CREATE TABLE evaluations (
    id INTEGER PRIMARY KEY,
    generator INTEGER NOT NULL REFERENCES generators,
    classifier INTEGER NOT NULL REFERENCES classifiers,
    direction_sha256 TEXT NOT NULL,       -- of the direction file; empty for unedited faces
    label TEXT NOT NULL,                  -- such as eyeglasses@v2
    strength REAL NOT NULL,               -- in sigma
    step REAL NOT NULL,                   -- strength in units of W
    layers TEXT NOT NULL,                 -- such as 0-7; empty for W
    seed INTEGER NOT NULL,                -- of the faces, as a signed 64-bit number
    UNIQUE (generator, classifier, direction_sha256, strength, layers, seed)
);

CREATE TABLE evaluation_faces (
    evaluation INTEGER NOT NULL REFERENCES evaluations ON DELETE CASCADE,
    face INTEGER NOT NULL,                -- index of the latent of that seed
    logits BLOB NOT NULL,                 -- float32, little endian, in the classifier's order
    PRIMARY KEY (evaluation, face)
) WITHOUT ROWID;
