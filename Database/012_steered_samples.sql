-- Sets of which only a part was drawn, more where an attribute is: latents of the set's seed one after another, each kept by chance.
CREATE TABLE steered_sets (
    sample_set INTEGER PRIMARY KEY REFERENCES sample_sets ON DELETE CASCADE,
    direction TEXT NOT NULL,              -- such as mustache@v1
    direction_sha256 TEXT NOT NULL,       -- of its file
    examined INTEGER NOT NULL             -- indices below this one have been kept or passed over
);

-- How many latents of the seed one of them stands for: 1 / the chance that it had of being kept. A latent without a row counts once.
CREATE TABLE latent_weights (
    latent INTEGER PRIMARY KEY REFERENCES latents ON DELETE CASCADE,
    weight REAL NOT NULL CHECK (weight >= 1)
);

CREATE TRIGGER latents_deleted BEFORE DELETE ON latents BEGIN
    DELETE FROM latent_weights WHERE latent = OLD.id;
END;

CREATE TRIGGER sample_sets_deleted BEFORE DELETE ON sample_sets BEGIN
    DELETE FROM steered_sets WHERE sample_set = OLD.id;
END;
