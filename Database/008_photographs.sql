-- People's pictures by what is in the file, and the codes that were found for the faces in them.
CREATE TABLE photographs (
    id INTEGER PRIMARY KEY,
    sha256 TEXT NOT NULL UNIQUE,          -- of the picture's file
    path TEXT NOT NULL,                   -- where it lay when it was last looked at
    width INTEGER NOT NULL,
    height INTEGER NOT NULL,
    created TEXT NOT NULL
);

CREATE TABLE inversions (
    id INTEGER PRIMARY KEY,
    photograph INTEGER NOT NULL REFERENCES photographs ON DELETE CASCADE,
    face INTEGER NOT NULL,                -- which face of the picture, from 1: the largest
    alignment TEXT,                       -- JSON: the face's square in the picture; NULL where the picture is that square
    generator INTEGER NOT NULL REFERENCES generators,
    method TEXT NOT NULL,                 -- such as optimise
    settings TEXT NOT NULL,               -- JSON: the budget, and a fingerprint of the rest
    code BLOB NOT NULL,                   -- float32, little endian, [StyleGAN2's rows, latent_size]
    own_code BLOB NOT NULL,               -- the same in the generator's own rows
    l2 REAL NOT NULL,                     -- mean squared error at 256 pixels, of pictures in [-1, 1]
    lpips REAL NOT NULL,                  -- AlexNet, at 256 pixels
    identity REAL,                        -- cosine of the two faces' embeddings; NULL without a face-recognition network
    steps INTEGER NOT NULL,
    seconds REAL NOT NULL,
    created TEXT NOT NULL,
    UNIQUE (photograph, face, generator, method, settings)
);

CREATE TRIGGER photographs_deleted BEFORE DELETE ON photographs BEGIN
    DELETE FROM inversions WHERE photograph = OLD.id;
END;
