// Made by scripts/embed-sql from Database/*.sql; a test fails when they differ.

enum Migrations {
    /// The SQL files in order; applying the n-th makes a database of version n.
    static let all: [(name: String, sql: String)] = [
        (
            name: "001_initial.sql",
            sql: #"""
            -- The latent database, version 1. See Database/README.md for what each table holds.

            CREATE TABLE generators (
                id INTEGER PRIMARY KEY,
                sha256 TEXT NOT NULL UNIQUE,          -- of weights.safetensors
                name TEXT NOT NULL,
                architecture TEXT NOT NULL,
                resolution INTEGER NOT NULL,
                latent_size INTEGER NOT NULL,
                layers INTEGER NOT NULL
            );

            CREATE TABLE classifiers (
                id INTEGER PRIMARY KEY,
                sha256 TEXT NOT NULL UNIQUE,          -- of the classifier file
                name TEXT NOT NULL,
                attributes TEXT NOT NULL              -- JSON list, in the order of scores.logits
            );

            -- z of a set is not stored: it follows from the seed and the latent's index.
            CREATE TABLE sample_sets (
                id INTEGER PRIMARY KEY,
                generator INTEGER NOT NULL REFERENCES generators,
                seed INTEGER NOT NULL,                -- as a signed 64-bit number
                psi REAL NOT NULL,
                mean_latent BLOB NOT NULL,            -- float32, little endian
                created TEXT NOT NULL,
                UNIQUE (generator, seed, psi)
            );

            -- id = (sample_set - 1) * 2^32 + index of the latent in its set.
            CREATE TABLE latents (
                id INTEGER PRIMARY KEY,
                sample_set INTEGER NOT NULL REFERENCES sample_sets,
                w BLOB NOT NULL                       -- float32, little endian, latent_size values
            );

            -- Probabilities after temperature scaling; NULL where the classifier does not know the attribute.
            CREATE TABLE scores (
                classifier INTEGER NOT NULL REFERENCES classifiers,
                latent INTEGER NOT NULL REFERENCES latents,
                "5_o_clock_shadow" REAL,
                arched_eyebrows REAL,
                attractive REAL,
                bags_under_eyes REAL,
                bald REAL,
                bangs REAL,
                big_lips REAL,
                big_nose REAL,
                black_hair REAL,
                blond_hair REAL,
                blurry REAL,
                brown_hair REAL,
                bushy_eyebrows REAL,
                chubby REAL,
                double_chin REAL,
                eyeglasses REAL,
                goatee REAL,
                gray_hair REAL,
                heavy_makeup REAL,
                high_cheekbones REAL,
                male REAL,
                mouth_slightly_open REAL,
                mustache REAL,
                narrow_eyes REAL,
                no_beard REAL,
                oval_face REAL,
                pale_skin REAL,
                pointy_nose REAL,
                receding_hairline REAL,
                rosy_cheeks REAL,
                sideburns REAL,
                smiling REAL,
                straight_hair REAL,
                wavy_hair REAL,
                wearing_earrings REAL,
                wearing_hat REAL,
                wearing_lipstick REAL,
                wearing_necklace REAL,
                wearing_necktie REAL,
                young REAL,
                logits BLOB NOT NULL,                 -- float32, little endian, in the classifier's order
                PRIMARY KEY (classifier, latent)
            ) WITHOUT ROWID;

            CREATE TABLE thumbnails (
                latent INTEGER PRIMARY KEY REFERENCES latents,
                jpeg BLOB NOT NULL
            );

            CREATE TABLE selections (
                id INTEGER PRIMARY KEY,
                generator INTEGER NOT NULL REFERENCES generators,
                classifier INTEGER NOT NULL REFERENCES classifiers,
                attribute TEXT NOT NULL,
                top INTEGER NOT NULL,
                bottom INTEGER NOT NULL,
                scored INTEGER NOT NULL,              -- latents it was chosen from
                top_threshold REAL NOT NULL,          -- lowest score in the top
                bottom_threshold REAL NOT NULL,       -- highest score in the bottom
                fingerprint TEXT NOT NULL UNIQUE,     -- SHA-256 of what it was made from and its members
                created TEXT NOT NULL
            );

            CREATE TABLE selection_members (
                selection INTEGER NOT NULL REFERENCES selections ON DELETE CASCADE,
                label INTEGER NOT NULL CHECK (label IN (-1, 1)),
                rank INTEGER NOT NULL,                -- from 0: the most certain first
                latent INTEGER NOT NULL REFERENCES latents,
                PRIMARY KEY (selection, label, rank)
            ) WITHOUT ROWID;

            CREATE TABLE directions (
                id INTEGER PRIMARY KEY,
                attribute TEXT NOT NULL,
                version INTEGER NOT NULL,
                path TEXT NOT NULL,
                sha256 TEXT NOT NULL,
                generator_sha256 TEXT NOT NULL,
                selection INTEGER REFERENCES selections,
                metadata TEXT NOT NULL,               -- JSON, as in the file
                created TEXT NOT NULL,
                UNIQUE (attribute, version, sha256)
            );

            CREATE TABLE job_runs (
                id INTEGER PRIMARY KEY,
                verb TEXT NOT NULL,
                parameters TEXT NOT NULL,             -- JSON
                program_version TEXT NOT NULL,
                inputs TEXT NOT NULL,                 -- JSON, name to SHA-256
                outputs TEXT NOT NULL,                -- JSON, name to figure or SHA-256
                started TEXT NOT NULL,
                ended TEXT,
                status TEXT NOT NULL CHECK (status IN ('running', 'finished', 'failed', 'stopped'))
            );
            """#
        ),
        (
            name: "002_evaluations.sql",
            sql: #"""
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
            """#
        ),
        (
            name: "003_chosen_selections.sql",
            sql: #"""
            -- Selecting the same again makes no new row, but makes that selection the newest.
            ALTER TABLE selections ADD COLUMN chosen INTEGER NOT NULL DEFAULT 0;
            UPDATE selections SET chosen = id;
            """#
        ),
        (
            name: "004_embeddings.sql",
            sql: #"""
            -- The face-recognition network's view of an evaluated face, for how much of the person an edit leaves.
            ALTER TABLE evaluation_faces ADD COLUMN embedding BLOB;     -- float32 x 128, little endian; NULL where none was asked for
            """#
        ),
        (
            name: "005_matched_selections.sql",
            sql: #"""
            -- Whether the bottom was chosen like the top in all other attributes, instead of from the end of the ranking.
            ALTER TABLE selections ADD COLUMN matched INTEGER NOT NULL DEFAULT 0 CHECK (matched IN (0, 1));
            """#
        ),
        (
            name: "006_cascades.sql",
            sql: #"""
            -- What foreign keys do is done for programs too that leave them off, as the sqlite3 shell does: members go with their selection.
            -- Those that an earlier deletion left behind would turn up again in the next selection of that number.
            DELETE FROM selection_members WHERE selection NOT IN (SELECT id FROM selections);
            DELETE FROM evaluation_faces WHERE evaluation NOT IN (SELECT id FROM evaluations);
            UPDATE directions SET selection = NULL WHERE selection NOT IN (SELECT id FROM selections);

            CREATE TRIGGER selections_deleted BEFORE DELETE ON selections BEGIN
                DELETE FROM selection_members WHERE selection = OLD.id;
                UPDATE directions SET selection = NULL WHERE selection = OLD.id;
            END;

            CREATE TRIGGER evaluations_deleted BEFORE DELETE ON evaluations BEGIN
                DELETE FROM evaluation_faces WHERE evaluation = OLD.id;
            END;
            """#
        ),
        (
            name: "007_attributes.sql",
            sql: #"""
            -- The attributes that some classifier scores: scores has a column for each of them, and gets one when a classifier with new ones is
            -- registered. The program drops the columns of version 1 that no classifier knows.
            CREATE TABLE attributes (
                slug TEXT PRIMARY KEY,                -- the column in scores: lower case, digits, underscores
                name TEXT NOT NULL                    -- as the first classifier that knew it spells it
            ) WITHOUT ROWID;

            INSERT OR IGNORE INTO attributes (slug, name)
                SELECT lower(a.value), a.value FROM classifiers c, json_each(c.attributes) a ORDER BY c.id, a.key;
            """#
        ),
        (
            name: "008_photographs.sql",
            sql: #"""
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
            """#
        ),
        (
            name: "009_colorization.sql",
            sql: #"""
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
            """#
        ),
        (
            name: "010_generators.sql",
            sql: #"""
            -- Whose a latent and a direction is, for questions in SQL.
            CREATE VIEW faces AS
            SELECT l.id AS latent, g.name AS generator, g.sha256 AS generator_sha256, t.id AS sample_set, t.seed, t.psi
              FROM latents l JOIN sample_sets t ON t.id = l.sample_set JOIN generators g ON g.id = t.generator;

            -- Of each attribute and generator the direction with the highest version.
            CREATE VIEW newest_directions AS
            SELECT d.* FROM directions d
             WHERE NOT EXISTS (SELECT 1 FROM directions n WHERE n.attribute = d.attribute
                                  AND n.generator_sha256 = d.generator_sha256
                                  AND (n.version > d.version OR n.version = d.version AND n.id > d.id));
            """#
        ),
        (
            name: "011_populations.sql",
            sql: #"""
            -- The part of the scored latents that a selection's ends were taken from, as a filter; empty for all of them.
            ALTER TABLE selections ADD COLUMN among TEXT NOT NULL DEFAULT '';
            """#
        ),
        (
            name: "012_steered_samples.sql",
            sql: #"""
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
            """#
        ),
    ]
}
